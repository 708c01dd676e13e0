//! The state of a socket, moved by its events alone.
//!
//! ```text
//!  Opening(n) --connect, secure, open--> Open --end in--> PeerEnded --end out--+
//!      |                                  |                                    v
//!      |                                  +---end out---> WeEnded --end in--> Closing
//!      +------------------------------ close ------------------------------------> Closed
//! ```

use super::datagram::Note;
use super::event::{Kind, Way};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Life {
    /// So many handshakes to go: TCP, TLS, WebSocket.
    Opening(u8),
    Open,
    /// The peer sent FIN; we can still send.
    PeerEnded,
    /// We sent FIN; the peer can still send.
    WeEnded,
    /// Both sent FIN.
    Closing,
    Closed,
}

impl Life {
    /// The state after an event.
    pub fn after(self, kind: &Kind) -> Self {
        match (self, kind) {
            (_, Kind::Close(_)) | (Self::Closed, _) => Self::Closed,
            (Self::Opening(_), Kind::Datagram(note)) if matches!(**note, Note::Addressed { .. }) => Self::Open,
            (
                Self::Opening(n),
                Kind::Connection { .. }
                | Kind::Connect { .. }
                | Kind::Listening { .. }
                | Kind::SecureConnection(_)
                | Kind::SecureConnect(_)
                | Kind::Open(_),
            ) => {
                if n <= 1 {
                    Self::Open
                } else {
                    Self::Opening(n - 1)
                }
            }
            (Self::WeEnded, Kind::End { way: Way::In, .. }) | (Self::PeerEnded, Kind::End { way: Way::Out, .. }) => {
                Self::Closing
            }
            (Self::Opening(_) | Self::Open, Kind::End { way: Way::In, .. }) => Self::PeerEnded,
            (Self::Opening(_) | Self::Open, Kind::End { way: Way::Out, .. }) => Self::WeEnded,
            (same, _) => same,
        }
    }

    pub fn is_closed(self) -> bool {
        self == Self::Closed
    }

    /// One word for a column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opening(_) => "opening",
            Self::Open => "open",
            Self::PeerEnded | Self::WeEnded => "half",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }

    pub fn code(self) -> u8 {
        match self {
            Self::Opening(n) => 8 + n.min(7),
            Self::Open => 0,
            Self::PeerEnded => 1,
            Self::WeEnded => 2,
            Self::Closing => 3,
            Self::Closed => 4,
        }
    }

    pub fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Open,
            1 => Self::PeerEnded,
            2 => Self::WeEnded,
            3 => Self::Closing,
            4 => Self::Closed,
            n => Self::Opening(n.saturating_sub(8)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::end::{End, Party};

    #[test]
    fn codes_come_back() {
        for life in [
            Life::Opening(1),
            Life::Opening(3),
            Life::Open,
            Life::PeerEnded,
            Life::WeEnded,
            Life::Closing,
            Life::Closed,
        ] {
            assert_eq!(Life::from_code(life.code()), life);
        }
    }

    #[test]
    fn a_half_closed_socket_closes_when_the_other_half_ends() {
        let half = Life::Open.after(&Kind::fin(Way::In));
        assert_eq!(half, Life::PeerEnded);
        assert_eq!(half.after(&Kind::Data), Life::PeerEnded);
        assert_eq!(half.after(&Kind::fin(Way::Out)), Life::Closing);
    }

    #[test]
    fn nothing_leaves_closed() {
        let closed = Life::Open.after(&Kind::Close(Box::new(End::Finished { first: Party::Us })));
        assert_eq!(closed.after(&Kind::Open(Box::default())), Life::Closed);
    }

    #[test]
    fn open_takes_every_handshake() {
        let open = Kind::Open(Box::default());
        assert_eq!(Life::Opening(2).after(&open), Life::Opening(1));
        assert_eq!(Life::Opening(1).after(&open), Life::Open);
    }
}
