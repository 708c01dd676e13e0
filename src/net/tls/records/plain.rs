//! Who is at the wrong door: plain text on a TLS port, and TLS on a plain one.

use super::cut::{Cut, Cutter, Joiner};
use super::{hello, names};
use crate::hub::Recorder;
use crate::model::end::{Fault, Party};
use crate::model::event::{Kind, Way};
use crate::model::url::{Role, Scheme};
use crate::net::probe::Watch;

/// How protocols begin: what comes first, and whose it is. Longer beginnings stand before those they contain.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"PRI * HTTP/2.0", "HTTP/2"),
    (b"HTTP/", "HTTP"),
    (b"GET ", "HTTP"),
    (b"POST ", "HTTP"),
    (b"PUT ", "HTTP"),
    (b"HEAD ", "HTTP"),
    (b"DELETE ", "HTTP"),
    (b"OPTIONS ", "HTTP"),
    (b"PATCH ", "HTTP"),
    (b"TRACE ", "HTTP"),
    (b"CONNECT ", "HTTP"),
    (b"SSH-", "SSH"),
    (b"EHLO ", "SMTP"),
    (b"HELO ", "SMTP"),
    (b"220 ", "SMTP or FTP"),
    (b"220-", "SMTP or FTP"),
    (b"* OK", "IMAP"),
    (b"+OK", "POP3"),
    (b"PROXY ", "the PROXY protocol"),
    (b"\r\n\r\n\0\r\nQUIT\n", "the PROXY protocol"),
    (b"<?xml", "XMPP"),
    (b"<stream", "XMPP"),
    (b"RFB ", "VNC"),
    (b"*1\r\n", "Redis"),
    (b"\0\0\0\x08\x04\xd2\x16\x2f", "PostgreSQL, asking for STARTTLS"),
    (b"\x03\0\0", "RDP"),
    (b"\x05\x01\0", "SOCKS5"),
    (b"\x05\x02", "SOCKS5"),
    (b"\x04\x01", "SOCKS4"),
    (b"\xff\xfb", "telnet"),
    (b"\xff\xfd", "telnet"),
];

/// The protocol that begins so, where it is one that people know.
pub fn spoken(first: &[u8]) -> Option<&'static str> {
    let known = BEGINNINGS.iter().find(|(beginning, _)| first.starts_with(beginning)).map(|row| row.1);
    // An SSL 2.0 ClientHello (RFC 5246 appendix E.2): a length, then message type 1 and a version.
    known.or(matches!(first, [0x80..=0xff, _, 1, 0 | 3, ..]).then_some("SSL 2.0"))
}

/// On a plain stream: tells when the peer speaks TLS. Looks at the first bytes, then never again.
pub struct Astray(Option<Box<Look>>);

struct Look {
    record: Recorder,
    role: Role,
    scheme: Scheme,
    cutter: Cutter,
    joiner: Joiner,
}

impl Astray {
    pub fn new(record: Recorder, role: Role, scheme: Scheme) -> Self {
        Self(Some(Box::new(Look { record, role, scheme, cutter: Cutter::default(), joiner: Joiner::default() })))
    }
}

impl Look {
    /// Whether there is more to look at.
    fn read(&mut self, mut bytes: &[u8]) -> bool {
        loop {
            match self.cutter.next(&mut bytes, |_| true) {
                Cut::Alien => return false,
                Cut::More => return true,
                Cut::Record(head, Some(body)) if head.kind == 22 && self.role == Role::Listen => {
                    if !self.joiner.push(&body) {
                        return false;
                    }
                    let Some((kind, body)) = self.joiner.next() else { continue };
                    if let Some(client) = (kind == 1).then(|| hello::client(&body, Way::In)).flatten() {
                        let hello = crate::model::tls::Hello { astray: true, ..client.hello };
                        self.record.event(Kind::ClientHello(std::sync::Arc::new(hello)));
                    }
                    return false;
                }
                Cut::Record(head, Some(body)) if head.kind == 21 && self.role == Role::Connect => {
                    if let [1 | 2, description] = body[..] {
                        let scheme = self.scheme;
                        let secure = crate::net::protocol(scheme).info().secure;
                        let instead = secure.map_or(String::new(), |secure| format!("; use {secure}://"));
                        let text = format!("it speaks TLS, and we spoke plain {scheme}{instead}");
                        let alert = Some((Party::Peer, names::alert(description)));
                        self.record.event(Kind::TlsError(Box::new(Fault::Tls { alert, text: text.into() })));
                    }
                    return false;
                }
                Cut::Record(..) => return false,
            }
        }
    }
}

impl Watch for Astray {
    fn read(&mut self, bytes: &[u8]) {
        if let Some(look) = &mut self.0
            && !look.read(bytes)
        {
            self.0 = None;
        }
    }

    fn wrote(&mut self, _: &[u8]) {}
}
