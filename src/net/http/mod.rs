//! HTTP/1.1 (RFC 9112). hyper speaks it; what the timeline says comes from decoding the clear stream
//! as it passes, so that it is what was on the wire.

mod decode;
mod exchanges;
mod head;
mod reason;

pub use self::exchanges::Exchanges;
pub use self::reason::Reason;
use super::{BoxFuture, Context, Info, Payload, Protocol};
use crate::model::draft::{Draft, Rejection};
use crate::model::end::Fault;
use crate::model::url::Scheme;

pub struct Http;

/// A request as a person composed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Origin form (`/path?query`), RFC 9112 section 3.2.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: bytes::Bytes,
}

impl Protocol for Http {
    fn info(&self) -> &'static Info {
        &Info {
            plain: Scheme::Http,
            secure: Some(Scheme::Https),
            help: "requests and responses on kept-alive connections",
        }
    }

    fn compose(&self, _draft: &Draft) -> Result<Payload, Rejection> {
        Err(Rejection("not yet".into()))
    }

    fn serve(&self, _cx: Context) -> BoxFuture<Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }

    fn connect(&self, _cx: Context) -> BoxFuture<Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod decode_tests;
