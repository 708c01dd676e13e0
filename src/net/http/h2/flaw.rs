//! What is wrong with what a peer sent, as a value: the error code it is answered with, a sentence, and the
//! section of RFC 9113 that it breaks.

use std::borrow::Cow;

use crate::model::end::Fault;
use crate::model::h2::{
    self, COMPRESSION_ERROR, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, PROTOCOL_ERROR,
};

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flaw {
    pub code: u32,
    pub text: Cow<'static, str>,
    /// Of RFC 9113; empty where the text names its source.
    section: &'static str,
}

const fn flaw(code: u32, section: &'static str, text: &'static str) -> Flaw {
    Flaw { code, text: Cow::Borrowed(text), section }
}

impl Flaw {
    pub const PREFACE: Self = flaw(PROTOCOL_ERROR, "3.4", "the connection does not begin with the HTTP/2 preface");
    pub const FIRST: Self = flaw(PROTOCOL_ERROR, "3.4", "the first frame is not SETTINGS");
    pub const TEXT: Self = flaw(PROTOCOL_ERROR, "3.4", "the server answers in HTTP/1");
    pub const SIZE: Self = flaw(FRAME_SIZE_ERROR, "4.2", "a frame has the wrong size");
    pub const PADDING: Self = flaw(PROTOCOL_ERROR, "6.1", "the padding is longer than the frame");
    pub const NO_STREAM: Self = flaw(PROTOCOL_ERROR, "6", "a frame that belongs to a stream has none");
    pub const A_STREAM: Self = flaw(PROTOCOL_ERROR, "6", "a frame of the connection names a stream");
    pub const STREAM_ID: Self = flaw(PROTOCOL_ERROR, "5.1.1", "a client opens a stream of an even number");
    pub const IDLE: Self = flaw(PROTOCOL_ERROR, "5.1", "a frame for a stream that nobody has opened");
    pub const ACK: Self = flaw(FRAME_SIZE_ERROR, "6.5", "an acknowledgement of settings with a payload");
    pub const PUSH: Self = flaw(PROTOCOL_ERROR, "6.5.2", "ENABLE_PUSH is neither 0 nor 1");
    pub const WINDOW: Self = flaw(FLOW_CONTROL_ERROR, "6.5.2", "INITIAL_WINDOW_SIZE is above 2^31-1");
    pub const FRAME: Self = flaw(PROTOCOL_ERROR, "6.5.2", "MAX_FRAME_SIZE is out of its range");
    pub const INCREMENT: Self = flaw(PROTOCOL_ERROR, "6.9", "a WINDOW_UPDATE of nothing");
    pub const OVERFLOW: Self = flaw(FLOW_CONTROL_ERROR, "6.9.1", "a window above 2^31-1");
    pub const EXCEEDED: Self = flaw(FLOW_CONTROL_ERROR, "6.9", "more DATA than the window allows");
    pub const WITHIN: Self = flaw(PROTOCOL_ERROR, "6.10", "another frame between HEADERS and its CONTINUATION");
    pub const LONE: Self = flaw(PROTOCOL_ERROR, "6.10", "a CONTINUATION without HEADERS before it");
    pub const PROMISE: Self = flaw(PROTOCOL_ERROR, "8.4", "a PUSH_PROMISE where none is allowed");
    pub const UPPER: Self = flaw(PROTOCOL_ERROR, "8.2.1", "a header name with an upper-case letter");
    pub const FIELD: Self = flaw(PROTOCOL_ERROR, "8.2.1", "a header with a character that it may not have");
    pub const CONNECTION: Self = flaw(PROTOCOL_ERROR, "8.2.2", "a header of HTTP/1 connections");
    pub const PSEUDO: Self = flaw(PROTOCOL_ERROR, "8.3", "a pseudo-header that is unknown, repeated or too late");
    pub const MISSING: Self = flaw(PROTOCOL_ERROR, "8.3.1", "a request without :method, :scheme or :path");
    pub const STATUS: Self = flaw(PROTOCOL_ERROR, "8.3.2", "a response without :status");
    pub const BLOCK: Self = flaw(ENHANCE_YOUR_CALM, "10.5.1", "headers in more frames than anybody needs");

    /// What HPACK says.
    pub const fn hpack(text: &'static str) -> Self {
        flaw(COMPRESSION_ERROR, "4.3", text)
    }

    /// A head larger than this.
    pub fn large(limit: String) -> Self {
        Self { code: PROTOCOL_ERROR, text: format!("the head is larger than {limit}").into(), section: "10.5.1" }
    }

    /// A head that does not come to its end.
    pub fn slow(limit: std::time::Duration) -> Self {
        let text = format!("the head did not come within {}", crate::model::size::write_span(limit));
        Self { code: ENHANCE_YOUR_CALM, text: text.into(), section: "10.5" }
    }

    /// What hyper refuses although we do not know why.
    pub fn other(text: &str) -> Self {
        Self { code: PROTOCOL_ERROR, text: text.to_owned().into(), section: "5.4.1" }
    }

    /// What is known where the library that speaks says a code and no more.
    pub fn code(code: u32) -> Self {
        Self { code, text: "the connection cannot go on".into(), section: "5.4.1" }
    }

    /// For a timeline: `PROTOCOL_ERROR: a sentence (RFC 9113 section 6.9)`.
    pub fn fault(&self) -> Fault {
        let text = format!("{}: {} (RFC 9113 section {})", h2::code(self.code), self.text, self.section);
        Fault::Http { status: None, text: text.into() }
    }
}
