//! A listener's connection after an upgrade or a CONNECT that was granted: bytes, which are echoed if that
//! is what the endpoint replies, and what a person sends.

use bytes::Bytes;

use super::exchanges::Exchanges;
use super::leave;
use super::pipe::{Moved, Pipe};
use crate::model::end::{End, Party};
use crate::model::spec::Reply;
use crate::net::kernel::Handle;
use crate::net::probe::Probe;
use crate::net::stream::{self, Stream};
use crate::net::tune::Tune;
use crate::net::wire::Chunks;
use crate::net::{Command, Context, Inbox, MAILBOX, Payload};

/// Echoes that wait to be written; above it nothing more is read.
const WAITING: usize = 16;

/// Until one of the two ends. `early` came right behind the request, and was read with it.
pub async fn talk(
    cx: &Context,
    stream: Probe<Stream, Exchanges<Chunks>>,
    early: Bytes,
    inbox: &mut Inbox,
    kernel: &Handle,
    tune: &mut Tune,
) -> End {
    let mut pipe = Pipe::new(stream).keeping();
    let echoes = cx.reply(|reply| matches!(reply, Reply::Echo));
    if echoes {
        pipe.push(early);
    }
    let mut open = true;
    loop {
        tokio::select! {
            moved = pipe.moved_below(WAITING) => match moved {
                Moved::Wrote => {}
                Moved::Read if cx.reply(|reply| matches!(reply, Reply::Echo)) => {
                    let bytes = pipe.take();
                    pipe.push(bytes);
                }
                Moved::Read => drop(pipe.take()),
                Moved::Ended => break,
            },
            () = cx.cancel.cancelled() => return stream::farewell(pipe.stream()).await,
            letter = inbox.recv(), if open && pipe.waiting() < MAILBOX => match letter.map(|letter| letter.command) {
                Some(Command::Send(Payload::Bytes(bytes))) => pipe.push(bytes),
                Some(Command::Set(row, text)) => tune.set(row, &text),
                Some(Command::End) => return leave::half(cx, pipe.stream(), inbox, kernel).await,
                Some(Command::Close) => return stream::shut(pipe.stream()).await,
                Some(Command::Reset) => {
                    kernel.reset_on_close();
                    return End::Reset { by: Party::Us };
                }
                Some(_) => {}
                None => open = false,
            },
        }
    }
    if let Some(end) = pipe.stream().watch().failure() {
        return end;
    }
    // What still waits goes out before our FIN.
    while pipe.waiting() > 0 {
        tokio::select! {
            _ = pipe.moved() => {}
            () = cx.cancel.cancelled() => break,
        }
    }
    stream::shut(pipe.stream()).await;
    End::Finished { first: Party::Peer }
}
