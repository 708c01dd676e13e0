//! Asking the kernel for its notes on datagrams: ip(7), ipv6(7), udp(7) and socket(7) on Linux; elsewhere a
//! datagram comes without notes.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub use self::linux::{INTEREST, Notes, memory, send_from};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub use self::plain::{INTEREST, Notes, memory, send_from};

/// What the kernel holds for a socket.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Bytes that wait unread, the kernel's own included, and how many may.
    pub queued: u32,
    pub room: u32,
    /// Datagrams dropped since the socket was opened, modulo 2^32.
    pub drops: u32,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::io::{self, IoSlice, IoSliceMut};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::os::fd::{AsFd, AsRawFd};

    use nix::sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt,
    };
    use tokio::io::Interest;
    use tokio::net::UdpSocket;

    use super::super::port::{Arrived, At, Trouble};
    use super::Memory;
    use crate::model::end::{Fault, Op};
    use crate::net::{errno, kernel};

    /// The error queue is no reading: it makes its own readiness.
    pub const INTEREST: Interest = Interest::READABLE.add(Interest::ERROR);

    /// Room for the notes.
    pub struct Notes {
        control: Vec<u8>,
    }

    impl Notes {
        /// Asks for them; a kernel that refuses one goes without.
        pub fn ask(socket: &UdpSocket, wide: bool) -> Self {
            let is_v6 = socket.local_addr().is_ok_and(|local| local.is_ipv6());
            // The errors of IPv4 datagrams of an IPv6 socket are asked for as IPv4's.
            let _ = setsockopt(socket, sockopt::Ipv4RecvErr, &true);
            let _ = setsockopt(socket, sockopt::RxqOvfl, &1);
            if is_v6 {
                let _ = setsockopt(socket, sockopt::Ipv6RecvErr, &true);
            }
            // Set also where it is not wanted: a socket that is connected has one address from then on.
            match is_v6 {
                true => _ = setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &wide),
                false => _ = setsockopt(socket, sockopt::Ipv4PacketInfo, &wide),
            }
            let control = nix::cmsg_space!(
                libc::in_pktinfo,
                libc::in6_pktinfo,
                u32,
                libc::sock_extended_err,
                libc::sockaddr_in6,
                libc::sock_extended_err,
                libc::sockaddr_in6
            );
            Self { control }
        }

        pub fn receive(&mut self, socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrived> {
            let control = &mut self.control;
            socket.try_io(Interest::READABLE, || {
                let room = buffer.len();
                let mut slices = [IoSliceMut::new(buffer)];
                // The flag makes the kernel return the whole length, also where it is more than there is room for.
                let said =
                    recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(control), MsgFlags::MSG_TRUNC)?;
                let from = said.address.as_ref().and_then(address).ok_or(io::ErrorKind::InvalidData)?;
                let mut arrived =
                    Arrived { from, whole: said.bytes, kept: said.bytes.min(room), at: None, drops: None };
                for note in said.cmsgs().into_iter().flatten() {
                    match note {
                        ControlMessageOwned::Ipv4PacketInfo(info) => arrived.at = Some(at_v4(info)),
                        ControlMessageOwned::Ipv6PacketInfo(info) => arrived.at = Some(at_v6(info)),
                        ControlMessageOwned::RxqOvfl(drops) => arrived.drops = Some(drops),
                        _ => {}
                    }
                }
                Ok(arrived)
            })
        }

        /// Takes one entry of the error queue (`IP_RECVERR`, ip(7)).
        pub fn trouble(&mut self, socket: &UdpSocket) -> Option<Trouble> {
            let control = &mut self.control;
            let taken = socket.try_io(Interest::ERROR, || queued(socket, control));
            match taken {
                Ok(trouble) => Some(trouble),
                // Not woken for it, but an error of a call may have told: then it is there.
                Err(_) => queued(socket, control).ok(),
            }
        }
    }

    fn queued(socket: &UdpSocket, control: &mut [u8]) -> io::Result<Trouble> {
        // Of the datagram itself nothing is needed.
        let mut buffer = [0; 1];
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let said = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(control), flags)?;
        let peer = said.address.as_ref().and_then(address);
        let fault = said.cmsgs().into_iter().flatten().find_map(|note| match note {
            ControlMessageOwned::Ipv4RecvErr(error, by) => {
                Some(fault(&error, by.map(|by| IpAddr::from(Ipv4Addr::from(by.sin_addr.s_addr.to_ne_bytes())))))
            }
            ControlMessageOwned::Ipv6RecvErr(error, by) => {
                let ip = by.map(|by| IpAddr::from(Ipv6Addr::from(by.sin6_addr.s6_addr)).to_canonical());
                Some(fault(&error, ip.filter(|ip| !ip.is_unspecified())))
            }
            _ => None,
        });
        let unknown = || Fault::Io { op: Op::Queue, name: "EIO", text: "an error the kernel does not explain".into() };
        Ok(Trouble { peer, fault: fault.unwrap_or_else(unknown) })
    }

    fn fault(error: &libc::sock_extended_err, by: Option<IpAddr>) -> Fault {
        let os = i32::try_from(error.ee_errno).unwrap_or(0);
        let fault = errno::fault(Op::Queue, &io::Error::from_raw_os_error(os));
        let Some(what) = icmp(error) else { return fault };
        let Fault::Io { op, name, text } = fault else { return fault };
        let from = by.map_or(String::new(), |ip| format!(" from {ip}"));
        Fault::Io { op, name, text: format!("{what}{from}: {text}").into() }
    }

    /// What the ICMP message was: RFC 792 and RFC 1812 section 5.2.7, RFC 4443 section 3.
    fn icmp(error: &libc::sock_extended_err) -> Option<String> {
        let named = match (error.ee_origin, error.ee_type, error.ee_code) {
            (libc::SO_EE_ORIGIN_ICMP, 3, 0) => "ICMP network unreachable",
            (libc::SO_EE_ORIGIN_ICMP, 3, 1) => "ICMP host unreachable",
            (libc::SO_EE_ORIGIN_ICMP, 3, 2) => "ICMP protocol unreachable",
            (libc::SO_EE_ORIGIN_ICMP, 3, 3) => "ICMP port unreachable",
            (libc::SO_EE_ORIGIN_ICMP, 3, 4) | (libc::SO_EE_ORIGIN_ICMP6, 2, _) => {
                return Some(format!("ICMP packet too big, the path takes {} B", error.ee_info));
            }
            (libc::SO_EE_ORIGIN_ICMP, 3, 9 | 10 | 13) | (libc::SO_EE_ORIGIN_ICMP6, 1, 1 | 5 | 6) => "ICMP prohibited",
            (libc::SO_EE_ORIGIN_ICMP, 11, _) | (libc::SO_EE_ORIGIN_ICMP6, 3, _) => "ICMP time exceeded",
            (libc::SO_EE_ORIGIN_ICMP6, 1, 0) => "ICMP no route",
            (libc::SO_EE_ORIGIN_ICMP6, 1, 3) => "ICMP address unreachable",
            (libc::SO_EE_ORIGIN_ICMP6, 1, 4) => "ICMP port unreachable",
            (libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6, kind, code) => {
                return Some(format!("ICMP type {kind} code {code}"));
            }
            (libc::SO_EE_ORIGIN_LOCAL, ..) if error.ee_info > 0 => {
                return Some(format!("the path takes {} B", error.ee_info));
            }
            _ => return None,
        };
        Some(named.into())
    }

    fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
        let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::from(*v4));
        v4.or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddr::from(*v6)))
    }

    fn at_v4(info: libc::in_pktinfo) -> At {
        let ip = |address: libc::in_addr| IpAddr::from(Ipv4Addr::from(address.s_addr.to_ne_bytes()));
        let interface = u32::try_from(info.ipi_ifindex).unwrap_or(0);
        At { address: ip(info.ipi_addr), interface, source: Some(ip(info.ipi_spec_dst)) }
    }

    fn at_v6(info: libc::in6_pktinfo) -> At {
        let address = IpAddr::from(Ipv6Addr::from(info.ipi6_addr.s6_addr));
        // The address of a group is nobody's to answer from.
        let source = Some(address).filter(|address| !address.to_canonical().is_multicast());
        At { address, interface: info.ipi6_ifindex, source }
    }

    /// Sends from one of our addresses: an answer comes from where the question went to.
    pub fn send_from(socket: &UdpSocket, to: SocketAddr, source: IpAddr, bytes: &[u8]) -> io::Result<usize> {
        let to = SockaddrStorage::from(to);
        let slices = [IoSlice::new(bytes)];
        let send =
            |note: ControlMessage<'_>| Ok(sendmsg(socket.as_raw_fd(), &slices, &[note], MsgFlags::empty(), Some(&to))?);
        socket.try_io(Interest::WRITABLE, || match source {
            IpAddr::V4(ip) => send(ControlMessage::Ipv4PacketInfo(&libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            })),
            IpAddr::V6(ip) => send(ControlMessage::Ipv6PacketInfo(&libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr { s6_addr: ip.octets() },
                ipi6_ifindex: 0,
            })),
        })
    }

    pub fn memory(socket: &UdpSocket) -> Option<Memory> {
        let [queued, room, .., drops] = kernel::memory::read(socket.as_fd())?;
        Some(Memory { queued, room, drops })
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod plain {
    use std::io;
    use std::net::{IpAddr, SocketAddr};

    use tokio::io::Interest;
    use tokio::net::UdpSocket;

    use super::super::port::{Arrived, Trouble};
    use super::Memory;

    pub const INTEREST: Interest = Interest::READABLE;

    pub struct Notes;

    impl Notes {
        pub fn ask(_: &UdpSocket, _: bool) -> Self {
            Self
        }

        pub fn receive(&mut self, socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrived> {
            let (n, from) = socket.try_recv_from(buffer)?;
            Ok(Arrived { from, whole: n, kept: n, at: None, drops: None })
        }

        pub fn trouble(&mut self, _: &UdpSocket) -> Option<Trouble> {
            None
        }
    }

    pub fn send_from(socket: &UdpSocket, to: SocketAddr, _: IpAddr, bytes: &[u8]) -> io::Result<usize> {
        socket.try_send_to(bytes, to)
    }

    pub fn memory(_: &UdpSocket) -> Option<Memory> {
        None
    }
}
