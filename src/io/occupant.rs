//! Which program has a port that this one wanted, as far as this user may know.

use std::fs;
use std::path::Path;

/// The kind of a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PortKind {
    /// A UDP port.
    Udp,
    /// A listening TCP port.
    Tcp,
}

/// The name and process id of a program that has the port: `asterisk (412)`. None where /proc doesn't show it, as for
/// programs of other users.
pub fn of_port(kind: PortKind, port: u16) -> Option<String> {
    let tables = match kind {
        PortKind::Udp => ["/proc/net/udp", "/proc/net/udp6"],
        PortKind::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
    };
    let inodes: Vec<String> = tables.iter().flat_map(|table| inodes_in(table, port)).collect();
    let mut processes = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let id = entry.file_name().into_string().ok()?.parse::<u32>().ok()?;
        Some((id, entry.path()))
    });
    processes.find(|(_, process)| has_socket(process, &inodes)).map(|(id, process)| {
        let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
        format!("{} ({id})", name.trim_end())
    })
}

/// The inodes of the sockets of `port` in a table of proc(5): `sl local_address rem_address st … uid timeout inode`.
fn inodes_in(table: &str, port: u16) -> Vec<String> {
    let text = fs::read_to_string(table).unwrap_or_default();
    let local_port = format!(":{port:04X}");
    let sockets = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    sockets
        .filter(|fields| fields.get(1).is_some_and(|local| local.ends_with(&local_port)))
        .filter_map(|fields| fields.get(9).map(|inode| format!("socket:[{inode}]")))
        .collect()
}

fn has_socket(process: &Path, inodes: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else { return false };
    descriptors
        .flatten()
        .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
        .any(|target| inodes.iter().any(|inode| target.as_os_str() == inode.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_that_has_a_port_is_found() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let port = socket.local_addr().expect("bound").port();
        let own = of_port(PortKind::Udp, port).expect("our own process is in /proc");
        assert!(own.ends_with(&format!("({})", std::process::id())), "{own}");
        assert_eq!(of_port(PortKind::Tcp, port), None);
        drop(socket);
        assert_eq!(of_port(PortKind::Udp, port), None);
    }
}
