//! What the phone sends to a peer, read just enough to answer it.

use std::net::SocketAddr;

/// A datagram of text.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) from: SocketAddr,
    pub(crate) text: String,
}

impl Message {
    /// Its first line.
    pub(crate) fn start(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The method of a request, the status of a response.
    pub(crate) fn kind(&self) -> &str {
        let mut words = self.start().split(' ');
        let first = words.next().unwrap_or_default();
        if first == "SIP/2.0" { words.next().unwrap_or_default() } else { first }
    }

    /// The lines of its header.
    pub(crate) fn head(&self) -> impl Iterator<Item = &str> {
        self.text.split("\r\n\r\n").next().unwrap_or_default().split("\r\n").skip(1)
    }

    /// What follows the header.
    pub(crate) fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// The first field of that name, if there is one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.head().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The first field of that name.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("no {name} in\n{}", self.text))
    }

    /// The URI of its Contact.
    pub(crate) fn target(&self) -> &str {
        let contact = self.field("Contact");
        contact.split(['<', '>']).nth(1).expect("a URI in brackets")
    }

    /// Where its SDP wants RTP.
    pub(crate) fn rtp(&self) -> SocketAddr {
        let line =
            |start| self.body().lines().find_map(|line| line.strip_prefix(start)).expect("a line of SDP");
        let port = line("m=audio ").split(' ').next().and_then(|port| port.parse().ok()).expect("a port");
        // `IP4` or `IP6`, then the address.
        let address = line("c=IN IP")[2..].parse().expect("an address");
        SocketAddr::new(address, port)
    }
}
