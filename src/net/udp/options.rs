//! What an endpoint asks of its socket: broadcast, multicast, sharing its port.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use socket2::{InterfaceIndexOrAddress, SockRef, Socket};

use crate::model::multicast::{Join, Via};
use crate::model::setting::udp::Udp;

/// What must be so before the address is taken.
pub fn before_bind(socket: &Socket, asked: &Udp) -> io::Result<()> {
    if asked.share_port {
        socket.set_reuse_address(true)?;
    }
    socket.set_broadcast(asked.broadcast)
}

/// What can change while the socket is open.
pub fn apply(socket: &SockRef<'_>, is_v6: bool, asked: &Udp) -> io::Result<()> {
    socket.set_broadcast(asked.broadcast)?;
    if let Some(bytes) = asked.receive_queue {
        socket.set_recv_buffer_size(usize::try_from(bytes).unwrap_or(usize::MAX))?;
    }
    if is_v6 {
        socket.set_multicast_hops_v6(asked.multicast_ttl)?;
        socket.set_multicast_loop_v6(asked.multicast_loop)?;
    } else {
        socket.set_multicast_ttl_v4(asked.multicast_ttl)?;
        socket.set_multicast_loop_v4(asked.multicast_loop)?;
        // A socket hears the groups it joined, not those that anybody on this machine did.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        socket.set_multicast_all_v4(false)?;
    }
    match (is_v6, &asked.multicast_interface) {
        (true, None) => socket.set_multicast_if_v6(0),
        (true, Some(via)) => socket.set_multicast_if_v6(index(via)?),
        (false, None) => socket.set_multicast_if_v4(&Ipv4Addr::UNSPECIFIED),
        (false, Some(Via::Address(IpAddr::V4(address)))) => socket.set_multicast_if_v4(address),
        (false, Some(via)) => socket.set_multicast_if_v4(&address_of(index(via)?)?),
    }
}

/// Takes part in a group, or no longer.
pub fn member(socket: &SockRef<'_>, join: &Join, is_joining: bool) -> io::Result<()> {
    match join.group {
        IpAddr::V4(group) => {
            let interface = match &join.via {
                None => InterfaceIndexOrAddress::Address(Ipv4Addr::UNSPECIFIED),
                Some(Via::Address(IpAddr::V4(address))) => InterfaceIndexOrAddress::Address(*address),
                Some(via) => InterfaceIndexOrAddress::Index(index(via)?),
            };
            match is_joining {
                true => socket.join_multicast_v4_n(&group, &interface),
                false => socket.leave_multicast_v4_n(&group, &interface),
            }
        }
        IpAddr::V6(group) => {
            let index = join.via.as_ref().map_or(Ok(0), index)?;
            match is_joining {
                true => socket.join_multicast_v6(&group, index),
                false => socket.leave_multicast_v6(&group, index),
            }
        }
    }
}

#[cfg(unix)]
pub use self::interfaces::{address_of, index, name};

#[cfg(unix)]
mod interfaces {
    use std::io;
    use std::net::{IpAddr, Ipv4Addr};

    use nix::ifaddrs::getifaddrs;
    use nix::net::if_::{if_indextoname, if_nametoindex};
    use nix::sys::socket::SockaddrStorage;

    use crate::model::multicast::Via;

    fn ip(address: Option<SockaddrStorage>) -> Option<IpAddr> {
        let address = address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip())))
    }

    /// The index of an interface.
    pub fn index(via: &Via) -> io::Result<u32> {
        match via {
            Via::Index(index) => Ok(*index),
            Via::Name(name) => Ok(if_nametoindex(name.as_str())?),
            Via::Address(wanted) => {
                let found = getifaddrs()?.find(|row| ip(row.address) == Some(*wanted));
                let found = found.ok_or_else(|| io::Error::from_raw_os_error(libc::EADDRNOTAVAIL))?;
                Ok(if_nametoindex(found.interface_name.as_str())?)
            }
        }
    }

    /// The first IPv4 address of an interface.
    pub fn address_of(index: u32) -> io::Result<Ipv4Addr> {
        let wanted = if_indextoname(index)?;
        let wanted = wanted.to_string_lossy();
        let mut rows = getifaddrs()?.filter(|row| row.interface_name == wanted);
        let v4 = |row| match row {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        };
        let found = rows.find_map(|row| ip(row.address).and_then(v4));
        found.ok_or_else(|| io::Error::from_raw_os_error(libc::EADDRNOTAVAIL))
    }

    /// The name of an interface.
    pub fn name(index: u32) -> Option<Box<str>> {
        let name = if_indextoname(index).ok()?;
        Some(name.to_string_lossy().into())
    }
}

#[cfg(not(unix))]
pub use self::none::{address_of, index, name};

#[cfg(not(unix))]
mod none {
    use std::io;
    use std::net::Ipv4Addr;

    use crate::model::multicast::Via;

    pub fn index(via: &Via) -> io::Result<u32> {
        match via {
            Via::Index(index) => Ok(*index),
            Via::Name(_) | Via::Address(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    pub fn address_of(_: u32) -> io::Result<Ipv4Addr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn name(_: u32) -> Option<Box<str>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Type};

    #[test]
    fn the_kernel_has_what_was_asked() {
        for domain in [Domain::IPV4, Domain::IPV6] {
            let Ok(socket) = Socket::new(domain, Type::DGRAM, None) else {
                println!("skipped: this machine does not speak {domain:?}");
                continue;
            };
            let is_v6 = domain == Domain::IPV6;
            let asked = Udp {
                broadcast: true,
                multicast_ttl: 7,
                multicast_loop: false,
                receive_queue: Some(50_000),
                multicast_interface: Some("127.0.0.1".parse().unwrap()),
                ..Udp::default()
            };
            apply(&SockRef::from(&socket), is_v6, &asked).unwrap();
            assert!(socket.broadcast().unwrap());
            // The kernel doubles it, for its own part (socket(7)).
            assert!(socket.recv_buffer_size().unwrap() >= 50_000);
            let (ttl, looped) = match is_v6 {
                true => (socket.multicast_hops_v6().unwrap(), socket.multicast_loop_v6().unwrap()),
                false => (socket.multicast_ttl_v4().unwrap(), socket.multicast_loop_v4().unwrap()),
            };
            assert_eq!((ttl, looped), (7, false));
            match is_v6 {
                true => assert_eq!(
                    socket.multicast_if_v6().unwrap(),
                    index(&Via::Address(Ipv4Addr::LOCALHOST.into())).unwrap()
                ),
                false => assert_eq!(socket.multicast_if_v4().unwrap(), Ipv4Addr::LOCALHOST),
            }
            apply(&SockRef::from(&socket), is_v6, &Udp::default()).unwrap();
            assert!(!socket.broadcast().unwrap());
        }
    }

    #[test]
    fn an_interface_is_found_by_name_index_and_address() {
        let by_address = index(&Via::Address(IpAddr::V4(Ipv4Addr::LOCALHOST))).unwrap();
        let name = name(by_address).unwrap();
        assert_eq!(index(&Via::Name(name.to_string())).unwrap(), by_address);
        assert_eq!(index(&Via::Index(by_address)).unwrap(), by_address);
        assert_eq!(address_of(by_address).unwrap(), Ipv4Addr::LOCALHOST);
        assert!(index(&Via::Name("nope0".into())).is_err());
        assert!(index(&Via::Address("203.0.113.1".parse().unwrap())).is_err());
    }
}
