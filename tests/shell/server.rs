//! A SIP server of scripted bytes: it reads just enough of SIP to answer by hand.

use std::net::{SocketAddr, UdpSocket};

use crate::process::PATIENCE;

/// The server's socket.
pub(crate) struct Server(UdpSocket);

/// What the phone sent.
pub(crate) struct Received {
    pub(crate) from: SocketAddr,
    pub(crate) text: String,
}

impl Server {
    pub(crate) fn new(address: &str) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        Self(socket)
    }

    /// The section of an account that registers here.
    pub(crate) fn account(&self) -> String {
        format!("[[accounts]]\nuser = \"1000\"\npassword = \"pw1000\"\ndomain = \"{}\"\n", self.address())
    }

    /// The next request of `method`.
    pub(crate) fn request(&mut self, method: &str) -> Received {
        self.next(&format!("{method} "))
    }

    /// The next response with `status`.
    pub(crate) fn response(&mut self, status: &str) -> Received {
        self.next(&format!("SIP/2.0 {status} "))
    }

    /// Answers with the fields that RFC 3261 §8.2.6.2 has copied, a tag, and `fields`.
    pub(crate) fn answer(&self, request: &Received, status: &str, fields: &str) {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for line in request.text.lines() {
            let copied = ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name));
            if copied {
                text += &format!("{line}\r\n");
            } else if line.starts_with("To:") {
                let tag = if line.contains(";tag=") { "" } else { ";tag=server" };
                text += &format!("{line}{tag}\r\n");
            }
        }
        self.send(request.from, &format!("{text}{fields}Content-Length: 0\r\n\r\n"));
    }

    /// An OPTIONS to the phone.
    pub(crate) fn options(&self, phone: SocketAddr) -> String {
        let own = self.address();
        format!(
            "OPTIONS sip:1000@{phone} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {own};branch=z9hG4bKoptions;rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:server@{own}>;tag=1\r\n\
             To: <sip:1000@{phone}>\r\n\
             Call-ID: options@{own}\r\n\
             CSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        )
    }

    pub(crate) fn send(&self, to: SocketAddr, text: &str) {
        self.0.send_to(text.as_bytes(), to).expect("sent");
    }

    fn next(&mut self, start: &str) -> Received {
        let mut buffer = [0; 65_536];
        loop {
            let (length, from) = self.0.recv_from(&mut buffer).expect("the phone sends something");
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.starts_with(start) {
                return Received { from, text };
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("bound")
    }
}
