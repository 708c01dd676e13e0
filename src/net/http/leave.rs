//! How an HTTP connection ends once nobody speaks HTTP on it any more.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::model::end::{End, Op, Party};
use crate::net::kernel::Handle;
use crate::net::stream;
use crate::net::{Command, Context, Inbox, errno};

/// How long we read on after our last answer: a close with unread bytes is a RST, which may overtake
/// the answer (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(1);
/// What one read takes of what nobody wants.
const SCRAP: usize = 4 << 10;

/// Reads and forgets until the peer ends.
async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    // On the heap: a flow's task would be larger by it for all its life.
    let mut scrap = vec![0; SCRAP];
    while stream.read(&mut scrap).await? > 0 {}
    Ok(())
}

/// The peer is to end first, soon; whether it did.
pub async fn awaited(cx: &Context, stream: &mut (impl AsyncRead + Unpin)) -> bool {
    tokio::select! {
        drained = tokio::time::timeout(LINGER, drain(stream)) => matches!(drained, Ok(Ok(()))),
        () = cx.cancel.cancelled() => false,
    }
}

/// We end, and give the peer some time to read our last words and to end too.
pub async fn politely(cx: &Context, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> End {
    let end = stream::shut(stream).await;
    awaited(cx, stream).await;
    end
}

/// We end, and read on for as long as the peer likes or until we are told otherwise.
pub async fn half(
    cx: &Context,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    inbox: &mut Inbox,
    kernel: &Handle,
) -> End {
    let end = stream::shut(stream).await;
    read_on(cx, stream, inbox, kernel).await.unwrap_or(end)
}

/// Reads until the peer ends; `None` for an end without a story of its own.
async fn read_on(
    cx: &Context,
    stream: &mut (impl AsyncRead + Unpin),
    inbox: &mut Inbox,
    kernel: &Handle,
) -> Option<End> {
    let mut open = true;
    loop {
        tokio::select! {
            drained = drain(stream) => {
                return match drained {
                    Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Some(errno::end(Op::Read, &error)),
                    _ => None,
                };
            }
            () = cx.cancel.cancelled() => return Some(End::Stopped),
            letter = inbox.recv(), if open => match letter.map(|letter| letter.command) {
                Some(Command::Reset) => {
                    kernel.reset_on_close();
                    return Some(End::Reset { by: Party::Us });
                }
                Some(Command::Close) => return None,
                Some(_) => {}
                None => open = false,
            },
        }
    }
}
