//! A UDP socket, and what the kernel says of each datagram: at which address of ours it arrived, how long it
//! was before it was cut, how many were dropped before it, and which ICMP error an earlier one brought back.
//! What a platform does not tell is `None`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::Ready;
use tokio::net::UdpSocket;

use super::{options, said};
use crate::model::end::{Fault, Op};
use crate::model::setting::udp::Udp;
use crate::net::errno;

/// A bound socket.
pub struct Port {
    /// Shared with those who tell of it on the details page.
    pub socket: Arc<UdpSocket>,
    pub local: SocketAddr,
    /// Sends to one peer and hears nobody else.
    pub connected: bool,
    notes: said::Notes,
    lost: Lost,
}

/// A datagram that came in.
pub struct Arrived {
    pub from: SocketAddr,
    /// Its length, and how much of it is in the buffer.
    pub whole: usize,
    pub kept: usize,
    /// Where it arrived; known where the socket listens on more than one address.
    pub at: Option<At>,
    /// Datagrams dropped on this socket before it, modulo 2^32.
    pub drops: Option<u32>,
}

/// Where a datagram arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct At {
    /// Its destination: an address of ours, a group, a broadcast address.
    pub address: IpAddr,
    /// The index of the interface.
    pub interface: u32,
    /// The address of ours to answer from.
    pub source: Option<IpAddr>,
}

/// An error that came back for a datagram sent earlier, to whom it was sent.
pub struct Trouble {
    pub peer: Option<SocketAddr>,
    pub fault: Fault,
}

/// Counts what the kernel dropped, out of a counter that wraps and is seen at different times.
#[derive(Default)]
struct Lost {
    last: u32,
    total: u64,
}

impl Lost {
    /// How many are new.
    fn upto(&mut self, counter: u32) -> u64 {
        let new = counter.wrapping_sub(self.last);
        // A datagram that waited in the queue tells of an earlier time than a question asked meanwhile.
        if new > u32::MAX / 2 {
            return 0;
        }
        self.last = counter;
        self.total += u64::from(new);
        new.into()
    }
}

impl Port {
    /// Binds, and asks the kernel to tell what it can.
    ///
    /// # Errors
    /// Whatever socket(2) and bind(2) say, or what of the options is refused.
    pub fn bind(address: SocketAddr, asked: &Udp) -> Result<Self, Fault> {
        let failed = |op| move |error: io::Error| errno::fault(op, &error);
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None).map_err(failed(Op::Open))?;
        socket.set_nonblocking(true).and_then(|()| options::before_bind(&socket, asked)).map_err(failed(Op::Set))?;
        socket.bind(&address.into()).map_err(|error| errno::fault_at(Op::Bind, address, &error))?;
        let socket = UdpSocket::from_std(socket.into()).map_err(failed(Op::Open))?;
        let local = socket.local_addr().map_err(failed(Op::Bind))?;
        // On one address of ours every datagram arrives at that one: asking costs time.
        let notes = said::Notes::ask(&socket, local.ip().is_unspecified());
        let socket = Arc::new(socket);
        Ok(Self { socket, local, connected: false, notes, lost: Lost::default() })
    }

    /// Any address of a family, and any port.
    pub fn any(like: SocketAddr) -> SocketAddr {
        let ip = if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { IpAddr::from(Ipv6Addr::UNSPECIFIED) };
        SocketAddr::new(ip, 0)
    }

    pub async fn connect(&mut self, peer: SocketAddr) -> io::Result<()> {
        self.socket.connect(peer).await?;
        self.connected = true;
        // It has an address now.
        self.local = self.socket.local_addr()?;
        self.notes = said::Notes::ask(&self.socket, false);
        Ok(())
    }

    pub fn options(&self) -> SockRef<'_> {
        SockRef::from(&*self.socket)
    }

    /// Waits for a datagram, or for an error of an earlier one.
    pub async fn ready(&self) -> io::Result<Ready> {
        self.socket.ready(said::INTEREST).await
    }

    /// Takes a datagram, if one waits.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Arrived> {
        self.notes.receive(&self.socket, buffer)
    }

    /// Takes an error that came back, if one waits.
    pub fn trouble(&mut self) -> Option<Trouble> {
        self.notes.trouble(&self.socket)
    }

    /// Sends one datagram, from an address of ours if that is given. Waits while the kernel has no room.
    pub async fn send(&self, to: SocketAddr, source: Option<IpAddr>, bytes: &[u8]) -> io::Result<usize> {
        if self.connected {
            return self.socket.send(bytes).await;
        }
        loop {
            let outcome = match source {
                Some(source) => said::send_from(&self.socket, to, source, bytes),
                None => self.socket.try_send_to(bytes, to),
            };
            match outcome {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.socket.writable().await?,
                outcome => return outcome,
            }
        }
    }

    /// How many datagrams more the kernel has dropped, by what came with one of them.
    pub fn lost_by(&mut self, counter: u32) -> u64 {
        self.lost.upto(counter)
    }

    /// The same by what the kernel says now: also those dropped since the last that was not.
    pub fn lost_by_now(&mut self) -> u64 {
        said::memory(&self.socket).map_or(0, |memory| self.lost.upto(memory.drops))
    }

    /// Datagrams the kernel dropped since the socket was opened, as far as was looked.
    pub fn lost(&self) -> u64 {
        self.lost.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_wraps_and_lags_is_counted_once() {
        let mut lost = Lost::default();
        assert_eq!(lost.upto(10), 10);
        assert_eq!(lost.upto(7), 0);
        assert_eq!(lost.upto(u32::MAX / 2), u64::from(u32::MAX / 2 - 10));
        assert_eq!(lost.upto(u32::MAX - 1), u64::from(u32::MAX / 2));
        assert_eq!(lost.upto(4), 6);
        assert_eq!(lost.total, u64::from(u32::MAX) + 5);
    }
}
