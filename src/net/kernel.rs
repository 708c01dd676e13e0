//! A TCP stream together with what the kernel knows of it. The one module with `unsafe`: `TCP_INFO` has
//! no safe getter in any crate we use, and a descriptor has to be reachable from outside the task that
//! owns the stream.
//!
//! [`Tcp`] owns the stream; [`Handle`]s share its descriptor under a lock. `Tcp`'s drop takes the
//! descriptor out of that lock before the stream closes it, so a handle never touches one that was
//! closed or given to somebody else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::model::setting::tcp as setting;
use crate::model::view::{Gauge, Kernel};

/// A TCP stream that its [`Handle`]s can ask about.
pub struct Tcp {
    stream: TcpStream,
    shared: Arc<Shared>,
}

struct Shared {
    /// Held for one system call.
    fd: Mutex<Option<Descriptor>>,
    last: Mutex<Option<Kernel>>,
}

#[cfg(unix)]
type Descriptor = std::os::fd::RawFd;
#[cfg(not(unix))]
type Descriptor = ();

/// Asks the kernel about a [`Tcp`], for as long as that lives; afterwards repeats the last answer.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

impl Tcp {
    pub fn new(stream: TcpStream) -> Self {
        #[cfg(unix)]
        let fd = std::os::fd::AsRawFd::as_raw_fd(&stream);
        #[cfg(not(unix))]
        let fd = ();
        Self { stream, shared: Arc::new(Shared { fd: Mutex::new(Some(fd)), last: Mutex::default() }) }
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
        *self.shared.last.lock() = fd.and_then(sys::tcp_info);
        *fd = None;
    }
}

impl Handle {
    /// Makes the coming close a RST (`SO_LINGER` with zero seconds, socket(7)).
    pub fn reset_on_close(&self) {
        if let Some(fd) = *self.0.fd.lock() {
            sys::linger_zero(fd);
        }
    }
}

impl Handle {
    /// Applies what a person set; a socket that is closed has nothing to set.
    ///
    /// # Errors
    /// The kernel refused an option.
    pub fn tune(&self, settings: &setting::Tcp) -> io::Result<()> {
        match *self.0.fd.lock() {
            Some(fd) => sys::tune(fd, settings),
            None => Ok(()),
        }
    }
}

impl Gauge for Handle {
    fn read(&self) -> Option<Kernel> {
        let fd = self.0.fd.lock();
        match *fd {
            Some(fd) => sys::tcp_info(fd),
            None => *self.0.last.lock(),
        }
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
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "TCP_INFO and a borrowed descriptor: see the module and each call")]
mod sys {
    use super::{Descriptor, Duration, Kernel, io, setting};
    use std::mem::{offset_of, size_of};

    /// `getsockopt(TCP_INFO)`, tcp(7). Older kernels return a shorter struct: a field beyond the returned
    /// length is unknown, and without the segment counters (Linux 4.2) there is nothing to tell.
    pub fn tcp_info(fd: Descriptor) -> Option<Kernel> {
        // SAFETY: `tcp_info` is plain integers, for which zero is a value.
        let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
        let mut len = u32::try_from(size_of::<libc::tcp_info>()).ok()?;
        // SAFETY: the descriptor is open, because the caller holds the lock that `Tcp::drop` takes before
        // it closes; `info` and `len` are valid for the sizes passed, and the kernel writes at most `len`.
        let result =
            unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut len) };
        let known = offset_of!(libc::tcp_info, tcpi_segs_in) + size_of::<u32>();
        if result != 0 || (len as usize) < known {
            return None;
        }
        Some(Kernel {
            segments_in: u64::from(info.tcpi_segs_in),
            segments_out: u64::from(info.tcpi_segs_out),
            rtt: Duration::from_micros(u64::from(info.tcpi_rtt)),
            retransmits: info.tcpi_total_retrans,
        })
    }

    pub fn tune(fd: Descriptor, settings: &setting::Tcp) -> io::Result<()> {
        // SAFETY: open, and stays so for the call: as above.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
        socket2::SockRef::from(&fd).set_tcp_nodelay(settings.nodelay)
    }

    pub fn linger_zero(fd: Descriptor) {
        // SAFETY: open, and stays so for the call: as above.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
        // A socket that refuses the option is closed with FIN instead; there is nobody to tell.
        let _ = socket2::SockRef::from(&fd).set_linger(Some(Duration::ZERO));
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
#[expect(unsafe_code, reason = "a borrowed descriptor: see the call")]
mod sys {
    use super::{Descriptor, Duration, Kernel, io, setting};

    /// No counters here; the column says so.
    pub fn tcp_info(_: Descriptor) -> Option<Kernel> {
        None
    }

    pub fn tune(fd: Descriptor, settings: &setting::Tcp) -> io::Result<()> {
        // SAFETY: as below.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
        socket2::SockRef::from(&fd).set_tcp_nodelay(settings.nodelay)
    }

    pub fn linger_zero(fd: Descriptor) {
        // SAFETY: the descriptor is open, because the caller holds the lock that `Tcp::drop` takes before
        // it closes.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
        let _ = socket2::SockRef::from(&fd).set_linger(Some(Duration::ZERO));
    }
}

#[cfg(not(unix))]
mod sys {
    use super::{Descriptor, Kernel, io, setting};

    pub fn tcp_info(_: Descriptor) -> Option<Kernel> {
        None
    }

    pub fn tune(_: Descriptor, _: &setting::Tcp) -> io::Result<()> {
        Ok(())
    }

    pub fn linger_zero(_: Descriptor) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_handle_outlives_its_stream_with_the_last_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut tcp = Tcp::new(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        let handle = tcp.handle();
        tcp.write_all(b"hello").await.unwrap();
        let Some(live) = handle.read() else {
            println!("skipped: this platform has no TCP_INFO");
            return;
        };
        assert!(live.segments_out >= 2, "{live:?}");
        drop(tcp);
        assert!(handle.read().unwrap().segments_out >= live.segments_out);
        handle.reset_on_close();
    }
}
