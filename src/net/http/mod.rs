//! HTTP/1.1 (RFC 9112). hyper speaks it; what the timeline says comes from decoding the clear stream
//! as it passes, so that it is what was on the wire.

use std::sync::Arc;

mod body;
mod book;
mod chunk;
mod client;
mod compose;
pub mod curl;
mod decode;
mod desk;
mod exchanges;
mod gate;
pub(super) mod h2;
mod head;
mod hold;
mod hop;
mod interim;
mod leave;
mod pipe;
mod reason;
mod rules;
mod server;
mod spelling;
mod table;
mod tunnel;
mod upload;
mod write;
mod wrong;

pub use self::compose::{NO_PING, split_body};
pub use self::exchanges::Exchanges;
pub use self::gate::{Gate, Patience};
pub use self::hold::{Holds, Patch, Step, code, event, patch, status, trailers};
pub use self::reason::Reason;
pub use self::server::refuse;
use super::{BoxFuture, Context, Info, Payload, Protocol, stream};
use crate::model::draft::{Draft, Rejection};
use crate::model::end::Fault;
use crate::model::setting::http::Version;
use crate::model::url::Scheme;

/// What is offered over TLS, the best first (RFC 7301 section 6, RFC 9113 section 11.1).
fn alpn(cx: &Context) -> &'static [&'static [u8]] {
    match cx.spec.settings.http.version {
        Version::Auto => &[b"h2", b"http/1.1"],
        Version::One => &[b"http/1.1"],
        Version::Two => &[b"h2"],
    }
}

pub struct Http;

/// A request as a person composed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Origin form (`/path?query`), RFC 9112 section 3.2.
    pub target: String,
    /// In the order and the case in which they leave.
    pub headers: Vec<(String, String)>,
    pub body: bytes::Bytes,
    /// The lengths of the chunks the body leaves in (RFC 9112 section 7.1); none of them where it
    /// leaves whole, with its length in the head.
    pub chunks: Vec<usize>,
    /// Behind a chunked body (section 7.1.2).
    pub trailers: Vec<(String, String)>,
}

impl Protocol for Http {
    fn info(&self) -> &'static Info {
        &Info {
            plain: Scheme::Http,
            secure: Some(Scheme::Https),
            help: "requests and responses on kept-alive connections",
        }
    }

    fn compose(&self, draft: &Draft) -> Result<Payload, Rejection> {
        compose::compose(draft)
    }

    fn serve(&self, cx: Context) -> BoxFuture<Result<(), Fault>> {
        let alpn = alpn(&cx);
        let book = Arc::new(rules::Book::default());
        cx.log.explain(Arc::new(rules::Counts { book: Arc::downgrade(&book), now: cx.now.clone() }));
        Box::pin(stream::serve(cx, 0, alpn, move |flow| server::talk(flow, Arc::clone(&book))))
    }

    fn connect(&self, cx: Context) -> BoxFuture<Result<(), Fault>> {
        let alpn = alpn(&cx);
        Box::pin(client::connect(cx, alpn))
    }
}

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod decode_tests;
#[cfg(test)]
mod ends_tests;
#[cfg(test)]
mod exchanges_tests;
#[cfg(test)]
mod kept_tests;
#[cfg(test)]
mod refused_tests;
#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod server_tests;
#[cfg(test)]
mod stage;
