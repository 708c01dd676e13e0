//! WebSocket (RFC 6455).

use super::{BoxFuture, Context, Info, Payload, Protocol};
use crate::model::draft::{Draft, Rejection};
use crate::model::end::Fault;
use crate::model::url::Scheme;

pub struct Ws;

impl Protocol for Ws {
    fn info(&self) -> &'static Info {
        &Info { plain: Scheme::Ws, secure: Some(Scheme::Wss), help: "messages both ways over one upgraded connection" }
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
