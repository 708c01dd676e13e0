//! How an HTTP/2 connection ends once hyper has let go of it.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::flaw::Flaw;
use super::frame::{GOAWAY, Head};
use super::line::Slot;
use super::streams::Streams;
use crate::model::end::{End, Fault, Party};
use crate::model::event::Way;
use crate::model::h2::NO_ERROR;
use crate::net::http::leave;
use crate::net::kernel::Handle;
use crate::net::probe::Probe;
use crate::net::stream::{self, Stream};
use crate::net::{Context, Inbox};

/// How long our last frame may take to leave.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Why the connection is left.
pub enum Left {
    /// hyper is done with it; what it says of an error.
    Done(Result<(), Box<str>>),
    /// What was asked for is answered, and the sending side is to end.
    Ended,
    Closed,
    /// Nothing was asked for as long as it is kept.
    Idle,
    Reset,
    Stopped,
}

/// Says goodbye on a stream, where a frame can be written: whoever is left without a GOAWAY does not know
/// which of its requests were seen (RFC 9113 section 6.8).
async fn goodbye(stream: &mut Probe<Stream, Streams>, flaw: Option<&Flaw>) {
    let (writable, last, gone) = {
        let watch = stream.watch();
        (watch.writable() && watch.failure().is_none(), watch.last(), watch.gone(Way::Out))
    };
    if !writable || (flaw.is_none() && gone.is_some()) || gone.is_some_and(|code| code != NO_ERROR) {
        return;
    }
    let code = flaw.map_or(NO_ERROR, |flaw| flaw.code);
    let debug = flaw.map_or("", |flaw| &flaw.text);
    let payload = [&last.to_be_bytes(), &code.to_be_bytes(), debug.as_bytes()].concat();
    let frame = Head::frame(GOAWAY, 0, 0, &payload);
    let send = async {
        stream.write_all(&frame).await?;
        stream.flush().await
    };
    let _ = tokio::time::timeout(LAST_WORD, send).await;
}

/// Takes the stream back and ends it.
pub async fn end(cx: &Context, slot: &Slot<Stream>, left: Left, inbox: &mut Inbox, kernel: &Handle) -> End {
    let stream = slot.lock().take();
    // hyper was dropped before, so it is there.
    let Some(mut stream) = stream else { return End::Abandoned };
    let outcome = match left {
        Left::Done(outcome) => outcome,
        Left::Reset => {
            kernel.reset_on_close();
            return End::Reset { by: Party::Us };
        }
        Left::Closed => {
            goodbye(&mut stream, None).await;
            return stream::shut(&mut stream).await;
        }
        Left::Idle => {
            goodbye(&mut stream, None).await;
            return leave::politely(cx, &mut stream).await;
        }
        Left::Ended => {
            goodbye(&mut stream, None).await;
            return leave::half(cx, &mut stream, inbox, kernel).await;
        }
        Left::Stopped => {
            goodbye(&mut stream, None).await;
            return stream::farewell(&mut stream).await;
        }
    };
    if let Some(end) = stream.watch().failure() {
        return end;
    }
    let ended = stream.watch().peer_ended();
    if let (Err(text), false) = (outcome, ended)
        && stream.watch().broken().is_none()
    {
        let flaw = stream.watch().flaw().cloned().unwrap_or_else(|| Flaw::other(&text));
        goodbye(&mut stream, Some(&flaw)).await;
    }
    if let Some(fault) = stream.watch().broken() {
        leave::politely(cx, &mut stream).await;
        return End::Broken(fault);
    }
    // Who said that it goes is to go first.
    let goes = stream.watch().gone(Way::In).is_some();
    let peer = ended || (goes && leave::awaited(cx, &mut stream).await);
    if peer {
        stream::shut(&mut stream).await;
        return End::Finished { first: Party::Peer };
    }
    leave::politely(cx, &mut stream).await
}

/// For a connection that could not be begun.
pub fn failed(error: &hyper::Error) -> End {
    End::Broken(Fault::Http { status: None, text: error.to_string().into() })
}
