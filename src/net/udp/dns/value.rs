//! What a record holds, as zone files write it (RFC 1035 section 5); types of no special form as hex
//! (RFC 3597 section 5).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::reader::{Reader, escape};

/// Bytes of one value that are shown; a TXT record may have thousands.
const SHOWN: usize = 200;

/// The value, or `None` if it is not what its type says. Updates have records without data (RFC 2136
/// section 2.5).
pub(super) fn read(kind: u16, mut data: Reader<'_>) -> Option<String> {
    if data.is_at_end() {
        return Some(String::new());
    }
    let text = match kind {
        1 => {
            let bytes: [u8; 4] = data.bytes(4)?.try_into().ok()?;
            Ipv4Addr::from(bytes).to_string()
        }
        28 => {
            let bytes: [u8; 16] = data.bytes(16)?.try_into().ok()?;
            Ipv6Addr::from(bytes).to_string()
        }
        // NS, CNAME, PTR, DNAME.
        2 | 5 | 12 | 39 => data.name()?,
        // MX: RFC 1035 section 3.3.9.
        15 => format!("{} {}", data.u16()?, data.name()?),
        // SRV: RFC 2782.
        33 => format!("{} {} {} {}", data.u16()?, data.u16()?, data.u16()?, data.name()?),
        // SOA: RFC 1035 section 3.3.13.
        6 => {
            let mut text = format!("{} {}", data.name()?, data.name()?);
            for _ in 0..5 {
                text.push_str(&format!(" {}", data.u32()?));
            }
            text
        }
        16 | 99 => strings(&mut data)?,
        // CAA: RFC 8659 section 4.1.
        257 => {
            let flags = data.u8()?;
            let length = usize::from(data.u8()?);
            let mut text = format!("{flags} ");
            escape(data.bytes(length)?, b" ", &mut text);
            text.push_str(" \"");
            escape(data.rest(), b"\"", &mut text);
            text.push('"');
            text
        }
        _ => {
            let rest = data.rest();
            format!("\\# {} {}", rest.len(), hex::encode(&rest[..rest.len().min(SHOWN / 2)]))
        }
    };
    data.is_at_end().then(|| cut(text))
}

/// Character strings (RFC 1035 section 3.3), each in quotes.
fn strings(data: &mut Reader<'_>) -> Option<String> {
    let mut text = String::new();
    while !data.is_at_end() {
        let length = usize::from(data.u8()?);
        let bytes = data.bytes(length)?;
        if text.len() > SHOWN {
            continue;
        }
        text.push_str(if text.is_empty() { "\"" } else { " \"" });
        escape(bytes, b"\"", &mut text);
        text.push('"');
    }
    Some(text)
}

/// All of it is ASCII: any byte is a border.
fn cut(mut text: String) -> String {
    if text.len() > SHOWN {
        text.truncate(SHOWN);
        text.push('…');
    }
    text
}
