//! How many datagrams the kernel dropped on a socket, asked for at any time: `SO_MEMINFO` (socket(7), Linux
//! 4.12). `SO_RXQ_OVFL` tells the same number, but only with the next datagram that is not dropped, and a
//! crate's safe getter for this one there is not.

use std::os::fd::{AsRawFd, BorrowedFd};

/// `SK_MEMINFO_DROPS` in linux/sock_diag.h: its place in the array.
const DROPS: usize = 8;

/// Datagrams dropped since the socket was opened, modulo 2^32. `None` on an older kernel.
#[expect(unsafe_code, reason = "one getsockopt without a safe wrapper: see the call")]
pub fn drops(socket: BorrowedFd<'_>) -> Option<u32> {
    let mut info = [0u32; DROPS + 1];
    let mut len = u32::try_from(size_of_val(&info)).ok()?;
    // SAFETY: the descriptor is open, for it is borrowed; `info` and `len` are valid for the sizes passed, and
    // the kernel writes at most `len` bytes of plain integers.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO, (&raw mut info).cast(), &raw mut len)
    };
    (result == 0 && len as usize == size_of_val(&info)).then_some(info[DROPS])
}
