//! What a socket's state and its address allow.

use std::net::SocketAddr;

use crate::model::id::SocketId;
use crate::model::life::Life;
use crate::model::url::Scheme;
use crate::net::Command;

/// Why a command cannot be carried out, if it cannot.
pub fn refusal(id: SocketId, scheme: Scheme, life: Life, command: &Command) -> Option<String> {
    Some(match (command, life) {
        (_, Life::Closed) => format!("{id} is closed already"),
        (Command::End | Command::Reset, _) if scheme == Scheme::Udp => {
            format!("{id} is a UDP peer: there is no connection to end or reset")
        }
        (Command::Starttls, _) if scheme.is_secure() => format!("TLS stands on {id} already"),
        (Command::Starttls, _) if scheme != Scheme::Tcp => {
            format!("{id} is {scheme}: TLS begins by hand on plain tcp connections alone")
        }
        (Command::Starttls, Life::Opening(_)) => format!("{id} is not open yet"),
        (Command::Starttls, Life::PeerEnded | Life::WeEnded | Life::Closing) => {
            format!("one side of {id} is done sending, and a handshake needs both")
        }
        (Command::Send(_), Life::WeEnded | Life::Closing) => {
            format!("we have half-closed {id}: nothing more can be sent on it")
        }
        (Command::End, Life::WeEnded | Life::Closing) => format!("we have half-closed {id} already"),
        _ => return None,
    })
}

/// Why nothing can be sent to an address from a UDP socket at `local`, if nothing can.
pub fn unreachable(local: Option<SocketAddr>, to: SocketAddr) -> Option<String> {
    if to.port() == 0 {
        return Some(format!("{to} has port 0, where nobody can listen: write one from 1 to 65535"));
    }
    let local = local?.ip();
    // An IPv6 socket on every address speaks IPv4 too (ipv6(7)).
    let fits = local.is_ipv4() == to.is_ipv4() || (local.is_ipv6() && local.is_unspecified());
    let (has, wants) = if local.is_ipv4() { ("IPv4", "an IPv6") } else { ("IPv6", "an IPv4") };
    (!fits).then(|| format!("{to} is {wants} address, and the socket at {local} speaks {has} alone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_reached_from_its_own_family() {
        let reason = |local: &str, to: &str| unreachable(Some(local.parse().unwrap()), to.parse().unwrap());
        for (local, to) in [
            ("127.0.0.1:1", "127.0.0.1:9"),
            ("0.0.0.0:1", "239.1.1.1:9"),
            ("[::1]:1", "[::1]:9"),
            ("[::]:1", "127.0.0.1:9"),
            ("[::]:1", "[::1]:9"),
        ] {
            assert_eq!(reason(local, to), None, "{local} {to}");
        }
        assert!(reason("127.0.0.1:1", "[::1]:7").unwrap().contains("speaks IPv4 alone"));
        assert!(reason("[::1]:1", "127.0.0.1:7").unwrap().contains("speaks IPv6 alone"));
        assert!(reason("127.0.0.1:1", "127.0.0.1:0").unwrap().contains("port 0"));
        assert!(unreachable(None, "[::1]:7".parse().unwrap()).is_none());
    }
}
