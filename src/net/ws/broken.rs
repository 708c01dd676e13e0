//! What tungstenite found wrong, as a fault with its place in RFC 6455, and the close code that says it to
//! the peer (section 7.4.1).

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};

use crate::model::end::Fault;

pub struct Broken {
    pub fault: Fault,
    /// `None` where there is nobody left to tell.
    pub code: Option<(u16, &'static str)>,
}

impl Broken {
    /// `open`: no close frame had been sent or received.
    pub fn new(error: &Error, open: bool) -> Self {
        let websocket = |text: &str| Fault::WebSocket { text: text.into() };
        match error {
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self {
                fault: websocket(match open {
                    true => "the peer ended without a close frame (1006, RFC 6455 section 7.1.5)",
                    false => "the peer ended without answering our close frame (1006, RFC 6455 section 7.1.5)",
                }),
                code: None,
            },
            Error::Utf8(_) => Self {
                fault: websocket("a text message is not UTF-8 (1007, RFC 6455 section 8.1)"),
                code: Some((1007, "not UTF-8")),
            },
            Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => Self {
                fault: Fault::Limit { what: "bytes of a WebSocket message (1009)", limit: *max_size as u64 },
                code: Some((1009, "message too big")),
            },
            error => Self {
                fault: websocket(&format!("{error} (1002, RFC 6455 section 5)")),
                code: Some((1002, "protocol error")),
            },
        }
    }
}
