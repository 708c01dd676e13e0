//! A TCP stream together with what the kernel knows of it, and a listener likewise. The one room with `unsafe`
//! (in `sys`).
//!
//! [`Tcp`] owns the stream; [`Handle`]s share its descriptor under a lock. `Tcp`'s drop takes the
//! descriptor out of that lock before the stream closes it, so a handle never touches one that was
//! closed or given to somebody else.

mod history;
mod info;
mod linger;
mod listener;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod memory;
mod parting;
mod sys;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use self::history::History;
use self::info::{Info, Queues};
pub use self::linger::lingering;
pub use self::listener::Listener;
pub use self::parting::{Parting, Reset};
use self::sys::Descriptor;
use crate::model::setting::tcp as setting;
use crate::model::time::{Clock, nanos};
use crate::model::view::{Facts, Gauge, Group, Kernel, Series};

/// A TCP stream that its [`Handle`]s can ask about.
pub struct Tcp {
    stream: TcpStream,
    shared: Arc<Shared>,
}

struct Shared {
    /// Held for a few system calls.
    fd: Mutex<Option<Descriptor>>,
    /// What it said before it closed.
    last: Mutex<Option<Box<Info>>>,
    history: Mutex<History>,
    clock: Clock,
    /// The silence that is told of, in nanoseconds; 0 is none. The watch of the wire looks at it.
    silence: AtomicU64,
    close: Mutex<linger::Close>,
    course: Mutex<parting::Course>,
}

/// Asks the kernel about a [`Tcp`], for as long as that lives; afterwards repeats the last answer.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

#[cfg(unix)]
fn descriptor(socket: &impl std::os::fd::AsRawFd) -> Descriptor {
    socket.as_raw_fd()
}
#[cfg(not(unix))]
fn descriptor<S>(_: &S) -> Descriptor {}

impl Tcp {
    pub fn new(stream: TcpStream, clock: Clock) -> Self {
        let shared = Shared {
            fd: Mutex::new(Some(descriptor(&stream))),
            last: Mutex::default(),
            history: Mutex::default(),
            clock,
            silence: AtomicU64::new(0),
            close: Mutex::default(),
            course: Mutex::default(),
        };
        Self { stream, shared: Arc::new(shared) }
    }

    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// Waits for the first bytes without taking them.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.peek(buffer).await
    }
}

impl Drop for Tcp {
    fn drop(&mut self) {
        let mut fd = self.shared.fd.lock();
        let kept = fd.and_then(|fd| self.shared.close.lock().keep(fd));
        if let (Some(fd), None) = (*fd, kept) {
            self.shared.parts(fd);
        }
        *fd = kept;
    }
}

impl Handle {
    /// Makes the coming close a RST (`SO_LINGER` with zero seconds, socket(7)).
    pub fn reset_on_close(&self) {
        if let Some(fd) = *self.0.fd.lock() {
            self.0.close.lock().time = None;
            sys::linger_zero(fd);
        }
    }

    /// Applies what a person set and is not so already; a socket that is closed has nothing to set.
    ///
    /// # Errors
    /// The kernel refused an option.
    pub fn tune(&self, before: &setting::Tcp, now: &setting::Tcp) -> io::Result<()> {
        match *self.0.fd.lock() {
            Some(fd) => sys::tune(fd, before, now),
            None => Ok(()),
        }
    }

    /// What went wrong with it that no read or write was told (`SO_ERROR`, socket(7)).
    pub fn take_error(&self) -> Option<io::Error> {
        self.0.fd.lock().and_then(sys::take_error)
    }

    /// The silence that is told of.
    pub fn silence(&self) -> Option<Duration> {
        match self.0.silence.load(Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    pub fn set_silence(&self, silence: Option<Duration>) {
        self.0.silence.store(silence.map_or(0, nanos), Relaxed);
    }

    /// Tells the details page.
    pub fn facts(&self) -> Arc<dyn Facts> {
        Arc::clone(&self.0) as Arc<dyn Facts>
    }
}

impl Shared {
    /// `is_wanted`: somebody looks at this one connection.
    fn ask(&self, fd: Descriptor, is_wanted: bool) -> Option<Info> {
        let info = sys::tcp_info(fd)?;
        let now = self.clock.now();
        let mut history = self.history.lock();
        if history.is_due(now, is_wanted) {
            history.push(now, &info, queues(fd));
        }
        Some(info)
    }
}

fn queues(fd: Descriptor) -> Queues {
    Queues { send: sys::send_queue(fd), receive: sys::receive_queue(fd) }
}

impl Gauge for Handle {
    fn read(&self) -> Option<Kernel> {
        let fd = self.0.fd.lock();
        match *fd {
            Some(fd) => self.0.ask(fd, false).map(|info| info.kernel()),
            None => self.0.last.lock().as_ref().map(|info| info.kernel()),
        }
    }

    fn in_front(&self) -> Option<u32> {
        Handle::in_front(self)
    }
}

impl Facts for Shared {
    fn read(&self) -> Vec<Group> {
        let fd = self.fd.lock();
        let group = match *fd {
            Some(fd) => self.ask(fd, true).map(|info| info::group(&info, Some(queues(fd)), Some(sys::options(fd)))),
            None => self.last.lock().as_ref().map(|info| info::group(info, None, None)),
        };
        group.into_iter().collect()
    }

    fn series(&self) -> Vec<Series> {
        self.history.lock().series()
    }
}

impl AsyncRead for Tcp {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(fd) = *self.shared.fd.lock() {
            self.shared.ends(fd);
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_handle_outlives_its_stream_with_the_last_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut tcp = Tcp::new(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap(), Clock::start(0));
        let handle = tcp.handle();
        tcp.write_all(b"hello").await.unwrap();
        let Some(live) = Gauge::read(&handle) else {
            println!("skipped: this platform has no TCP_INFO");
            return;
        };
        assert!(live.segments_out >= 2, "{live:?}");
        drop(tcp);
        assert!(Gauge::read(&handle).unwrap().segments_out >= live.segments_out);
        handle.reset_on_close();
    }
}
