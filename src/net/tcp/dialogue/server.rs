//! A server that has nothing to give before TLS.

use bytes::BytesMut;

use super::{GSS_REQUEST, Heard, SSL_REQUEST, said};
use crate::model::starttls::Starttls;

/// The first message of a PostgreSQL client is longer than this only by mistake (its own server has this bound).
const STARTUP: u32 = 10_000;

/// What a server says first.
pub fn greeting(speaks: Starttls) -> &'static str {
    match speaks {
        Starttls::Smtp => "220 localhost sockscope\r\n",
        Starttls::Imap => "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] sockscope\r\n",
        Starttls::Pop3 => "+OK sockscope\r\n",
        // Its client speaks first.
        Starttls::Postgresql | Starttls::Off => "",
    }
}

/// A command, and the answer to it.
pub fn line(speaks: Starttls, line: &[u8], say: &mut BytesMut) -> Heard {
    let text = String::from_utf8_lossy(line);
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let (answer, heard) = match speaks {
        Starttls::Imap => imap(&words),
        Starttls::Pop3 => pop3(&words),
        Starttls::Smtp | Starttls::Postgresql | Starttls::Off => smtp(&words),
    };
    say.extend_from_slice(answer.as_bytes());
    heard
}

const AGREED: Heard = Heard::Agreed { behind: 0 };

/// RFC 5321, RFC 3207.
fn smtp(words: &[&str]) -> (String, Heard) {
    let [verb, rest @ ..] = words else { return ("500 5.5.2 no command\r\n".into(), Heard::More) };
    let (answer, heard) = match (verb.to_ascii_uppercase().as_str(), rest.is_empty()) {
        ("STARTTLS", true) => ("220 2.0.0 go ahead", AGREED),
        ("STARTTLS", false) => ("501 5.5.4 STARTTLS takes no parameter", Heard::More),
        ("EHLO", _) => ("250-localhost\r\n250 STARTTLS", Heard::More),
        ("HELO", _) => ("250 localhost", Heard::More),
        ("NOOP" | "RSET", _) => ("250 2.0.0 OK", Heard::More),
        ("QUIT", _) => ("221 2.0.0 bye", Heard::Bye),
        _ => ("530 5.7.0 say STARTTLS first", Heard::More),
    };
    (format!("{answer}\r\n"), heard)
}

/// RFC 9051.
fn imap(words: &[&str]) -> (String, Heard) {
    let is_tag = |tag: &str| tag.len() <= 32 && tag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*');
    let [tag, verb, ..] = words else { return ("* BAD a tag and a command\r\n".into(), Heard::More) };
    if !is_tag(tag) {
        return ("* BAD no tag\r\n".into(), Heard::More);
    }
    let (untagged, answer, heard) = match verb.to_ascii_uppercase().as_str() {
        "STARTTLS" => ("", "OK begin TLS now", AGREED),
        "CAPABILITY" => ("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n", "OK done", Heard::More),
        "NOOP" => ("", "OK done", Heard::More),
        "LOGOUT" => ("* BYE bye\r\n", "OK done", Heard::Bye),
        _ => ("", "NO [PRIVACYREQUIRED] say STARTTLS first", Heard::More),
    };
    (format!("{untagged}{tag} {answer}\r\n"), heard)
}

/// RFC 1939, RFC 2449, RFC 2595.
fn pop3(words: &[&str]) -> (String, Heard) {
    let verb = words.first().map_or(String::new(), |verb| verb.to_ascii_uppercase());
    let (answer, heard) = match verb.as_str() {
        "STLS" => ("+OK begin TLS now", AGREED),
        "CAPA" => ("+OK\r\nSTLS\r\n.", Heard::More),
        "QUIT" => ("+OK bye", Heard::Bye),
        _ => ("-ERR say STLS first", Heard::More),
    };
    (format!("{answer}\r\n"), heard)
}

/// PostgreSQL's frontend/backend protocol, section "SSL Session Encryption": 8 bytes are asked, one is the answer.
pub fn startup(rest: &mut &[u8], say: &mut BytesMut) -> Heard {
    while let Some((first, behind)) = rest.split_first_chunk::<8>() {
        match *first {
            SSL_REQUEST => {
                *rest = behind;
                say.extend_from_slice(b"S");
                return AGREED;
            }
            // Another kind of encryption, which libpq asks for first where it can.
            GSS_REQUEST => {
                *rest = behind;
                say.extend_from_slice(b"N");
            }
            [a, b, c, d, ..] if (8..STARTUP).contains(&u32::from_be_bytes([a, b, c, d])) => {
                let fields = b"SFATAL\0VFATAL\0C28000\0Mask for SSL first (sslmode=require)\0\0";
                say.extend_from_slice(b"E");
                say.extend_from_slice(&u32::try_from(fields.len() + 4).unwrap_or(u32::MAX).to_be_bytes());
                say.extend_from_slice(fields);
                return Heard::Refused("the client did not ask for SSL (sslmode=disable?)".into());
            }
            _ => return Heard::Refused(format!("this is no PostgreSQL client: it said \"{}\"", said(rest))),
        }
    }
    Heard::More
}
