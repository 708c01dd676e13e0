//! The two hellos (RFC 8446 sections 4.1.2 and 4.1.3), which travel in the clear.

use super::names;
use super::read::Reader;
use crate::model::event::Way;
use crate::model::tls::{Answer, Hello};

/// SHA-256 of "HelloRetryRequest": the random of a ServerHello that is one (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Extensions looked at in one hello: Chrome sends 18.
const MOST: usize = 64;

/// A hello with what the keys are made of.
pub struct Client {
    pub hello: Hello,
    pub random: [u8; 32],
    /// The session it names: TLS 1.2 resumes it by naming it back (RFC 5246 section 7.4.1.3).
    pub session: Box<[u8]>,
}

/// The body of a ClientHello; `None` if it is none.
pub fn client(body: &[u8], way: Way) -> Option<Client> {
    let mut body = Reader(body);
    let legacy = body.u16()?;
    let random = body.take(32)?.try_into().ok()?;
    let session = body.short()?;
    let ciphers = body.long()?;
    let _compression = body.short()?;
    let mut hello = Hello {
        way,
        session: u8::try_from(session.0.len()).unwrap_or(u8::MAX),
        ciphers: ciphers.names(names::cipher),
        ..Hello::default()
    };
    if !body.is_empty() {
        for (kind, data) in extensions(body.long()?) {
            hello.extensions.push(names::extension(kind));
            // An extension that is malformed is named and no more: what it says is the peer's affair.
            let _ = offer(&mut hello, kind, data);
        }
    }
    if hello.versions.is_empty() {
        hello.versions.push(names::version(legacy));
    }
    Some(Client { hello, random, session: session.0.into() })
}

fn extensions(mut list: Reader<'_>) -> impl Iterator<Item = (u16, Reader<'_>)> {
    std::iter::from_fn(move || Some((list.u16()?, list.long()?))).take(MOST)
}

fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

fn offer(hello: &mut Hello, kind: u16, mut data: Reader<'_>) -> Option<()> {
    match kind {
        // RFC 6066 section 3: a list of names, of which only host names were ever defined.
        0 => {
            let mut list = data.long()?;
            if list.u8()? == 0 {
                hello.server_name = Some(text(list.long()?.0));
            }
        }
        10 => hello.groups = data.long()?.names(names::group),
        13 => hello.schemes = data.long()?.names(names::scheme),
        16 => hello.alpn = protocols(data)?,
        35 => hello.ticket = u16::try_from(data.0.len()).unwrap_or(u16::MAX),
        41 => {
            let mut list = data.long()?;
            while list.long().is_some() && list.u32().is_some() {
                hello.keys = hello.keys.saturating_add(1);
            }
        }
        42 => hello.early = true,
        43 => hello.versions = data.short()?.names(names::version),
        51 => {
            let mut list = data.long()?;
            while let (Some(group), Some(_)) = (list.u16(), list.long()) {
                if hello.shares.len() < MOST {
                    hello.shares.push(names::group(group));
                }
            }
        }
        _ => {}
    }
    Some(())
}

/// RFC 7301 section 3.1.
fn protocols(mut data: Reader<'_>) -> Option<Vec<Box<str>>> {
    let mut list = data.long()?;
    let names = std::iter::from_fn(|| list.short()).take(MOST);
    Some(names.map(|name| if grease(name.0) { "GREASE".into() } else { text(name.0) }).collect())
}

fn grease(name: &[u8]) -> bool {
    matches!(name, [a, b] if names::is_grease(u16::from_be_bytes([*a, *b])))
}

/// A server's choice with what the keys are made of.
pub struct Server {
    pub answer: Answer,
    pub random: [u8; 32],
    pub session: Box<[u8]>,
    pub version: u16,
    pub cipher: u16,
}

/// The body of a ServerHello; `None` if it is none.
pub fn server(body: &[u8], way: Way) -> Option<Server> {
    let mut body = Reader(body);
    let mut version = body.u16()?;
    let random: [u8; 32] = body.take(32)?.try_into().ok()?;
    let session = body.short()?;
    let cipher = body.u16()?;
    let _compression = body.u8()?;
    let mut answer = Answer {
        way,
        version: Box::default(),
        cipher: names::cipher(cipher),
        group: None,
        alpn: None,
        extensions: Vec::new(),
        retry: random == RETRY,
        resumes: false,
    };
    if !body.is_empty() {
        for (kind, mut data) in extensions(body.long()?) {
            answer.extensions.push(names::extension(kind));
            match kind {
                16 => answer.alpn = protocols(data).and_then(|names| names.into_iter().next()),
                41 => answer.resumes = true,
                43 => version = data.u16().unwrap_or(version),
                51 => answer.group = data.u16().map(names::group),
                _ => {}
            }
        }
    }
    answer.version = names::version(version);
    Some(Server { answer, random, session: session.0.into(), version, cipher })
}
