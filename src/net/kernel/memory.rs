//! What the kernel holds for a socket, and how many datagrams it dropped on it, asked for at any time:
//! `SO_MEMINFO` (Linux 4.12). `SO_RXQ_OVFL` (socket(7)) tells the drops too, but only with the next datagram
//! that is not dropped, and a safe getter for this one no crate has.

use std::os::fd::{AsRawFd, BorrowedFd};

/// `SK_MEMINFO_VARS` in linux/sock_diag.h: bytes received and unread, room for them, ..., drops.
const VARS: usize = 9;

/// The array as the kernel fills it; its last is the number of drops modulo 2^32. `None` on an older kernel.
#[expect(unsafe_code, reason = "one getsockopt without a safe wrapper: see the call")]
pub fn read(socket: BorrowedFd<'_>) -> Option<[u32; VARS]> {
    let mut info = [0u32; VARS];
    let mut len = u32::try_from(size_of_val(&info)).ok()?;
    // SAFETY: the descriptor is open, for it is borrowed; `info` and `len` are valid for the sizes passed, and
    // the kernel writes at most `len` bytes of plain integers.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO, (&raw mut info).cast(), &raw mut len)
    };
    (result == 0 && len as usize == size_of_val(&info)).then_some(info)
}
