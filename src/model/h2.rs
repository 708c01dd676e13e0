//! HTTP/2's numbers and their names (RFC 9113): settings, error codes, frame types.

use std::borrow::Cow;

use super::event::Way;

/// One SETTINGS frame (section 6.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    pub way: Way,
    /// It says that the other side's settings are applied, and nothing else.
    pub ack: bool,
    /// Identifiers and values in the order of the frame.
    pub values: Vec<(u16, u32)>,
}

/// No error: how a connection or a stream ends in order (section 7).
pub const NO_ERROR: u32 = 0x0;
pub const PROTOCOL_ERROR: u32 = 0x1;
pub const FLOW_CONTROL_ERROR: u32 = 0x3;
pub const FRAME_SIZE_ERROR: u32 = 0x6;
pub const COMPRESSION_ERROR: u32 = 0x9;
/// The peer does what a well-behaved one does not.
pub const ENHANCE_YOUR_CALM: u32 = 0xb;

/// Section 7, in the order of the codes.
const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// Sections 6.1 to 6.10, in the order of the types.
pub const FRAMES: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
];

/// An error code's name, or its number where it has none.
pub fn code(code: u32) -> Cow<'static, str> {
    let known = usize::try_from(code).ok().and_then(|code| CODES.get(code));
    known.map_or_else(|| Cow::Owned(format!("0x{code:x}")), |name| Cow::Borrowed(*name))
}

/// The code of a name, or of a number as one writes it.
pub fn code_of(text: &str) -> Option<u32> {
    let named = CODES.iter().position(|name| name.eq_ignore_ascii_case(text)).and_then(|at| u32::try_from(at).ok());
    let hex = || text.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
    named.or_else(hex).or_else(|| text.parse().ok())
}

/// A setting's name without its `SETTINGS_` (section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1), or
/// its number.
pub fn setting(id: u16) -> Cow<'static, str> {
    Cow::Borrowed(match id {
        0x1 => "HEADER_TABLE_SIZE",
        0x2 => "ENABLE_PUSH",
        0x3 => "MAX_CONCURRENT_STREAMS",
        0x4 => "INITIAL_WINDOW_SIZE",
        0x5 => "MAX_FRAME_SIZE",
        0x6 => "MAX_HEADER_LIST_SIZE",
        0x8 => "ENABLE_CONNECT_PROTOCOL",
        0x9 => "NO_RFC7540_PRIORITIES",
        _ => return Cow::Owned(format!("0x{id:x}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_name_is_a_number() {
        assert_eq!(["cancel", "0x63", "8", "nothing"].map(code_of), [Some(8), Some(0x63), Some(8), None]);
        assert_eq!((&*code(0xb), &*code(0x63), &*code(u32::MAX)), ("ENHANCE_YOUR_CALM", "0x63", "0xffffffff"));
        assert_eq!((&*setting(4), &*setting(7)), ("INITIAL_WINDOW_SIZE", "0x7"));
    }
}
