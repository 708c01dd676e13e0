//! How a connection ends on the wire: what the kernel makes of our close, which is not always the FIN that was
//! asked for (tcp(7); RFC 1122 section 4.2.2.13 wants a RST where received data is thrown away).

use super::info::Info;
use super::{Descriptor, Handle, Shared, sys};
use crate::model::end::Party;
use crate::net::errno;

/// What made a connection end with a RST.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reset {
    /// So many bytes had come that nobody read.
    Unread(u32),
    /// `SO_LINGER` with zero seconds.
    Asked,
    /// The peer sent one, and no read or write was told.
    Peer,
}

/// The end of a connection, as the kernel had it when its last descriptor was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Parting {
    pub reset: Option<Reset>,
    /// Bytes that came, its FIN being one of them, and how many of them nobody read.
    pub came: (u64, u32),
    /// Our FIN has gone, or goes with the close.
    pub fin_out: bool,
    /// Whose was the first.
    pub first: Option<Party>,
    /// Our FIN was asked for before the close.
    pub said_goodbye: bool,
    /// Bytes in front of our FIN, where it had not left yet.
    pub queued: Option<u32>,
}

/// What is remembered on the way there.
#[derive(Default)]
pub(super) struct Course {
    /// Whose FIN was first, known when ours was sent.
    first: Option<Party>,
    parting: Option<Parting>,
}

impl Info {
    /// The peer's FIN has come, and ours has not gone.
    fn is_ended(&self) -> bool {
        self.state() == "close-wait"
    }

    /// What a close with zero seconds of `SO_LINGER` is a RST in: elsewhere there is nothing left to tear down.
    fn is_standing(&self) -> bool {
        matches!(self.state(), "established" | "close-wait" | "fin-wait-1" | "fin-wait-2" | "syn-recv")
    }
}

/// What a close of `fd` would be, if it is a RST.
fn resets(fd: Descriptor, info: &Info) -> Option<Reset> {
    let unread = sys::receive_queue(fd).unwrap_or(0);
    match info.state() {
        "close" => sys::take_error(fd).filter(errno::is_reset).map(|_| Reset::Peer),
        _ if unread > 0 => Some(Reset::Unread(unread)),
        _ if info.is_standing() && sys::is_linger_zero(fd) => Some(Reset::Asked),
        _ => None,
    }
}

impl Shared {
    /// Our FIN is about to be sent, if it was not.
    pub(super) fn ends(&self, fd: Descriptor) {
        let Some(info) = sys::tcp_info(fd) else { return };
        let first = if info.is_ended() { Party::Peer } else { Party::Us };
        self.course.lock().first.get_or_insert(first);
    }

    /// The last descriptor is about to be closed.
    pub(super) fn parts(&self, fd: Descriptor) {
        let Some(info) = sys::tcp_info(fd) else { return };
        *self.last.lock() = Some(Box::new(info));
        let mut course = self.course.lock();
        let reset = resets(fd, &info);
        let is_whole = matches!(info.state(), "established" | "close-wait");
        let closes = is_whole && reset.is_none();
        let first = if info.is_ended() { Some(Party::Peer) } else { closes.then_some(Party::Us) };
        course.parting = Some(Parting {
            reset,
            came: (info.received, sys::receive_queue(fd).unwrap_or(0)),
            fin_out: closes || course.first.is_some(),
            first: course.first.or(first),
            said_goodbye: course.first.is_some(),
            queued: (closes && info.unsent > 0).then(|| sys::send_queue(fd).unwrap_or(info.unsent)),
        });
    }
}

impl Parting {
    /// Whether the peer's FIN came, `read` being the bytes that were read.
    pub fn fin_in(&self, read: u64) -> bool {
        self.came.0 > read + u64::from(self.came.1)
    }
}

impl Handle {
    /// How it ended; `None` as long as it has not, and where the kernel does not say.
    pub fn parting(&self) -> Option<Parting> {
        self.0.course.lock().parting
    }

    /// If a close would be a RST by now: bytes of ours that it throws away, not acknowledged (`SIOCOUTQ`, tcp(7)).
    /// One that waits for them first throws nothing away.
    pub fn resets(&self) -> Option<u32> {
        let fd = (*self.0.fd.lock())?;
        if self.0.close.lock().time.is_some() {
            return None;
        }
        let info = sys::tcp_info(fd)?;
        resets(fd, &info).filter(|reset| *reset != Reset::Peer)?;
        let fin = u32::from(self.0.course.lock().first.is_some());
        Some(sys::send_queue(fd).unwrap_or(0).saturating_sub(fin))
    }

    /// Bytes that our FIN, which was asked for, has still to wait for; `None` if it has left.
    pub(super) fn in_front(&self) -> Option<u32> {
        let fd = (*self.0.fd.lock())?;
        // The FIN counts as a byte of both.
        sys::tcp_info(fd).filter(|info| info.unsent > 0)?;
        sys::send_queue(fd).map(|bytes| bytes.saturating_sub(1))
    }
}
