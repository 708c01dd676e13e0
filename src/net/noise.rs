//! Every watch and decoder behind one door, for bytes from anywhere: what fuzzing and property tests drive.
//! The decoders themselves stay private.

use std::io;
use std::sync::Arc;

use super::http::h2;
pub use super::probe::Watch;
use super::wire::Chunks;
use super::{http, tls, udp, ws};
use crate::hub::{Birth, Hub, Recorder};
use crate::model::end::Op;
use crate::model::id::SocketId;
use crate::model::spec::{Limits, Spec};
use crate::model::time::Clock;
use crate::model::url::{Role, Scheme, Url};

/// Bytes of a head that is taken, and of a message.
const HEAD: usize = 1 << 10;
const MESSAGE: u64 = 8 << 10;

type Make = fn(Recorder, Clock, Role) -> Box<dyn Watch>;

/// A watch, by the name of what it decodes, with a scheme it is for.
pub const WATCHES: &[(&str, Scheme, Make)] = &[
    ("http", Scheme::Http, |to, _, role| {
        Box::new(http::Exchanges::new(role, to.clone(), HEAD, Chunks::new(to)).upgrading())
    }),
    ("http2", Scheme::Http, |to, _, role| Box::new(h2::watch(role, to, HEAD))),
    ("websocket", Scheme::Ws, |to, clock, role| Box::new(ws::watch(to, clock, role, MESSAGE, false))),
    ("websocket_deflated", Scheme::Ws, |to, clock, role| Box::new(ws::watch(to, clock, role, MESSAGE, true))),
    ("tls", Scheme::Tls, |to, clock, role| Box::new(tls::watch(to, clock, role))),
    ("astray", Scheme::Tcp, |to, _, role| Box::new(tls::Astray::new(to, role, Scheme::Tcp))),
];

/// A hub with one socket of a scheme.
pub fn socket(scheme: Scheme, role: Role) -> Option<(Arc<Hub>, SocketId, Recorder)> {
    let hub = Hub::new(Clock::start(0), &Limits::default());
    let url = Url::parse(&format!("{scheme}://127.0.0.1:1"), role).ok()?;
    let (endpoint, _) = hub.add_endpoint(Arc::new(Spec::new(role, url)));
    let peer = ([127, 0, 0, 1], 2).into();
    let birth = Birth { endpoint, scheme, accepted: role == Role::Listen, peer, local: None, handshakes: 1 };
    let (id, record) = hub.open(birth);
    Some((hub, id, record))
}

/// Puts bytes through a watch. The first says which side we are, the second in how large pieces; the first byte of a
/// piece which way it goes.
pub fn through(scheme: Scheme, make: Make, bytes: &[u8]) -> Option<(Arc<Hub>, SocketId)> {
    let [side, piece, stream @ ..] = bytes else { return None };
    let role = if side & 1 == 0 { Role::Listen } else { Role::Connect };
    let (hub, id, record) = socket(scheme, role)?;
    let mut watch = make(record, hub.clock(), role);
    // Nearly always one direction: that is where streams get long.
    let both = side & 2 != 0;
    for part in stream.chunks(usize::from(*piece).max(1)) {
        match both && part[0] & 1 == 1 {
            true => watch.wrote(part),
            false => watch.read(part),
        }
    }
    match side & 4 {
        0 => watch.ended(),
        _ => watch.failed(Op::Read, &io::ErrorKind::ConnectionReset.into()),
    }
    watch.shut();
    Some((hub, id))
}

/// What a peer says in plain text before TLS. The first byte says whose lines and which side we are, the second in how
/// large pieces.
pub fn starttls(bytes: &[u8]) {
    use super::tcp::dialogue::{Dialogue, Heard};
    use crate::model::starttls::Starttls::{Imap, Pop3, Postgresql, Smtp};
    let [which, piece, said @ ..] = bytes else { return };
    let role = if which & 4 == 0 { Role::Listen } else { Role::Connect };
    let mut say = bytes::BytesMut::new();
    let speaks = [Smtp, Imap, Pop3, Postgresql][usize::from(which & 3)];
    let Some(mut dialogue) = Dialogue::begin(speaks, role, &mut say) else { return };
    for part in said.chunks(usize::from(*piece).max(1)) {
        match dialogue.hear(part, &mut say) {
            Heard::More => {}
            Heard::Agreed { behind } => return assert!(behind < part.len().max(1), "{behind}"),
            Heard::Bye | Heard::Refused(_) => return,
        }
    }
}

/// A datagram that may be DNS.
pub fn dns(bytes: &[u8]) {
    let _ = udp::dns::read(bytes);
}

/// A whole HTTP message that a person typed, a command of curl, and an answer by hand.
pub fn typed(text: &str) {
    use crate::model::draft::{Coding, Draft, shapes};
    if let Ok(curl) = http::curl::Curl::read(text) {
        let files: Vec<_> = curl.files().map(|_| Vec::new()).collect();
        let _ = curl.request(&files);
    }
    let kinds = Scheme::ALL.into_iter().flat_map(|scheme| [(scheme, Role::Listen), (scheme, Role::Connect)]);
    for (scheme, role) in kinds.filter(|(scheme, _)| !scheme.is_secure()) {
        for shape in shapes(scheme, role) {
            for coding in [Coding::Text, Coding::Escapes, Coding::Hex] {
                let draft = Draft { text: text.into(), coding, shape: *shape, ..Draft::default() };
                let _ = super::protocol(scheme).compose(&draft);
            }
        }
    }
}
