//! What a socket's state allows.

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
