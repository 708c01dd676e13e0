//! The system calls. `TCP_INFO` and the queues' lengths have no safe getter in any crate we use, and a descriptor
//! has to be reachable from outside the task that owns its stream.
//!
//! What a platform does not have is `None`, or nothing is done; the columns and the details page say so.

use std::io;

use super::info::{Info, Options};
use crate::model::setting::tcp as setting;

#[cfg(unix)]
pub type Descriptor = std::os::fd::RawFd;
#[cfg(not(unix))]
pub type Descriptor = ();

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "TCP_INFO and the queues: see each call")]
mod info {
    use std::mem::{offset_of, size_of};

    use super::{Descriptor, Info};

    /// `getsockopt(TCP_INFO)`, tcp(7). Older kernels return a shorter struct: what lies beyond the returned
    /// length is zero, and without the segment counters (Linux 4.2) there is nothing to tell.
    pub fn tcp_info(fd: Descriptor) -> Option<Info> {
        // SAFETY: `tcp_info` is plain integers, for which zero is a value.
        let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
        let mut len = u32::try_from(size_of::<libc::tcp_info>()).ok()?;
        // SAFETY: the descriptor is open, because the caller holds the lock that its owner's drop takes before
        // it closes it; `info` and `len` are valid for the sizes passed, and the kernel writes at most `len`.
        let result =
            unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut len) };
        let known = offset_of!(libc::tcp_info, tcpi_segs_in) + size_of::<u32>();
        if result != 0 || (len as usize) < known {
            return None;
        }
        let micros = u64::from;
        Some(Info {
            state: info.tcpi_state,
            rtt: micros(info.tcpi_rtt),
            rtt_variance: micros(info.tcpi_rttvar),
            rtt_least: (info.tcpi_min_rtt != u32::MAX).then_some(micros(info.tcpi_min_rtt)),
            rto: micros(info.tcpi_rto),
            mss: info.tcpi_snd_mss,
            mss_in: info.tcpi_rcv_mss,
            mtu: info.tcpi_pmtu,
            cwnd: info.tcpi_snd_cwnd,
            // The kernel's "none yet" (TCP_INFINITE_SSTHRESH).
            ssthresh: (info.tcpi_snd_ssthresh < 0x7fff_ffff).then_some(info.tcpi_snd_ssthresh),
            window: info.tcpi_snd_wnd,
            unacked: info.tcpi_unacked,
            sacked: info.tcpi_sacked,
            lost: info.tcpi_lost,
            resent: info.tcpi_total_retrans,
            resent_bytes: info.tcpi_bytes_retrans,
            segments_in: info.tcpi_segs_in.into(),
            segments_out: info.tcpi_segs_out.into(),
            acked: info.tcpi_bytes_acked,
            received: info.tcpi_bytes_received,
            delivery_rate: info.tcpi_delivery_rate,
            pacing_rate: info.tcpi_pacing_rate,
            unsent: info.tcpi_notsent_bytes,
            waited_for_peer: info.tcpi_rwnd_limited,
            waited_for_buffer: info.tcpi_sndbuf_limited,
        })
    }

    /// Bytes in the send queue: not sent or not acknowledged (`SIOCOUTQ`, tcp(7)).
    pub fn send_queue(fd: Descriptor) -> Option<u32> {
        ask(fd, libc::TIOCOUTQ)
    }

    /// Bytes received that nobody has read (`SIOCINQ`, tcp(7)).
    pub fn receive_queue(fd: Descriptor) -> Option<u32> {
        ask(fd, libc::FIONREAD)
    }

    fn ask(fd: Descriptor, what: libc::Ioctl) -> Option<u32> {
        let mut bytes: libc::c_int = 0;
        // SAFETY: the descriptor is open as above; both requests write one `int`.
        let result = unsafe { libc::ioctl(fd, what, &raw mut bytes) };
        (result == 0).then(|| u32::try_from(bytes).unwrap_or(0))
    }
}

#[cfg(not(target_os = "linux"))]
mod info {
    use super::{Descriptor, Info};

    pub fn tcp_info(_: Descriptor) -> Option<Info> {
        None
    }

    pub fn send_queue(_: Descriptor) -> Option<u32> {
        None
    }

    pub fn receive_queue(_: Descriptor) -> Option<u32> {
        None
    }
}

pub use info::{receive_queue, send_queue, tcp_info};

#[cfg(unix)]
#[expect(unsafe_code, reason = "a borrowed descriptor: see `with`")]
mod option {
    use std::time::Duration;

    use socket2::{SockRef, TcpKeepalive};

    use super::{Descriptor, Options, io, setting};

    fn with<T>(fd: Descriptor, act: impl FnOnce(&SockRef<'_>) -> T) -> T {
        // SAFETY: the descriptor is open, because the caller holds the lock that its owner's drop takes before it
        // closes it, and it is borrowed for this call alone.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
        act(&SockRef::from(&fd))
    }

    /// Gives an open socket what it can take while it is open and does not have: most have it all.
    pub fn tune(fd: Descriptor, before: &setting::Tcp, now: &setting::Tcp) -> io::Result<()> {
        with(fd, |socket| {
            if now.nodelay != before.nodelay {
                socket.set_tcp_nodelay(now.nodelay)?;
            }
            if now.keepalive != before.keepalive {
                match now.keepalive {
                    Some(after) => socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(after))?,
                    None => socket.set_keepalive(false)?,
                }
            }
            if now.linger != before.linger {
                socket.set_linger((now.linger == setting::Linger::Reset).then_some(Duration::ZERO))?;
            }
            // What is left to the kernel grows as needed: a size that was set once cannot be taken back.
            if let Some(size) = now.send_buffer.filter(|_| now.send_buffer != before.send_buffer) {
                socket.set_send_buffer_size(usize::try_from(size).unwrap_or(usize::MAX))?;
            }
            if let Some(size) = now.receive_buffer.filter(|_| now.receive_buffer != before.receive_buffer) {
                socket.set_recv_buffer_size(usize::try_from(size).unwrap_or(usize::MAX))?;
            }
            Ok(())
        })
    }

    /// Makes the close a RST. A socket that refuses is closed with FIN instead; there is nobody to tell.
    pub fn linger_zero(fd: Descriptor) {
        with(fd, |socket| {
            let _ = socket.set_linger(Some(Duration::ZERO));
        });
    }

    /// Whether the close is to be a RST.
    pub fn is_linger_zero(fd: Descriptor) -> bool {
        with(fd, |socket| matches!(socket.linger(), Ok(Some(Duration::ZERO))))
    }

    /// A second descriptor of a connection.
    pub type Kept = socket2::Socket;

    pub fn keep(fd: Descriptor) -> Option<Kept> {
        with(fd, |socket| socket.try_clone().ok())
    }

    pub fn descriptor_of(kept: &Kept) -> Descriptor {
        std::os::fd::AsRawFd::as_raw_fd(kept)
    }

    /// Our FIN behind all that was written; one that was sent already is no error.
    pub fn shut_down(fd: Descriptor) {
        with(fd, |socket| {
            let _ = socket.shutdown(std::net::Shutdown::Write);
        });
    }

    pub fn take_error(fd: Descriptor) -> Option<io::Error> {
        with(fd, |socket| socket.take_error().ok().flatten())
    }

    /// What the kernel made of the options.
    pub fn options(fd: Descriptor) -> Options {
        with(fd, |socket| Options {
            local: socket.local_addr().ok().and_then(|address| address.as_socket()),
            peer: socket.peer_addr().ok().and_then(|address| address.as_socket()),
            send_buffer: socket.send_buffer_size().ok(),
            receive_buffer: socket.recv_buffer_size().ok(),
            keepalive: socket.keepalive().ok().map(|is_on| is_on.then(|| socket.tcp_keepalive_time().ok()).flatten()),
            nodelay: socket.tcp_nodelay().ok(),
        })
    }
}

#[cfg(not(unix))]
mod option {
    use super::{Descriptor, Options, io, setting};

    pub fn tune(_: Descriptor, _: &setting::Tcp, _: &setting::Tcp) -> io::Result<()> {
        Ok(())
    }

    pub fn linger_zero(_: Descriptor) {}

    pub fn is_linger_zero(_: Descriptor) -> bool {
        false
    }

    pub type Kept = ();

    pub fn keep(_: Descriptor) -> Option<Kept> {
        None
    }

    pub fn descriptor_of(_: &Kept) -> Descriptor {}

    pub fn shut_down(_: Descriptor) {}

    pub fn take_error(_: Descriptor) -> Option<io::Error> {
        None
    }

    pub fn options(_: Descriptor) -> Options {
        Options::default()
    }
}

pub use option::{Kept, descriptor_of, is_linger_zero, keep, linger_zero, options, shut_down, take_error, tune};
