//! What a UDP socket can be set to. All of it is the endpoint's: its peers share one socket.

use std::net::SocketAddr;

use super::text::{Text, put, put_number};
use super::{Live, Look, Row, always};
use crate::model::multicast::{Join, Via};
use crate::model::size;
use crate::model::url::{Role, Scheme};

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Udp {
    /// Multicast groups to be in (`IP_ADD_MEMBERSHIP`, ip(7); `IPV6_ADD_MEMBERSHIP`, ipv6(7)).
    pub join: Vec<Join>,
    /// `IP_MULTICAST_IF`, `IPV6_MULTICAST_IF`; also where groups are joined that name no interface.
    pub multicast_interface: Option<Via>,
    /// Routers a datagram to a group may pass: `IP_MULTICAST_TTL`, `IPV6_MULTICAST_HOPS`.
    pub multicast_ttl: u32,
    /// `IP_MULTICAST_LOOP`, `IPV6_MULTICAST_LOOP`.
    pub multicast_loop: bool,
    /// `SO_BROADCAST`, socket(7).
    pub broadcast: bool,
    /// connect(2) on a client's socket: it hears its one peer, and nobody else.
    pub connected: bool,
    /// The address a client sends from.
    pub from: Option<SocketAddr>,
    /// `SO_REUSEADDR`: several programs listen at one port, as mDNS wants it.
    pub share_port: bool,
    /// Bytes of a datagram that are taken; the rest of a longer one is lost, as in a program with such a buffer.
    pub datagram: u32,
    /// `SO_RCVBUF`: what may wait unread; what comes on top is dropped.
    pub receive_queue: Option<u64>,
}

/// No datagram is longer: the length field of its header has 16 bits (RFC 768).
pub const LONGEST: u32 = 1 << 16;

impl Default for Udp {
    fn default() -> Self {
        Self {
            join: Vec::new(),
            multicast_interface: None,
            multicast_ttl: 1,
            multicast_loop: true,
            broadcast: false,
            connected: true,
            from: None,
            share_port: false,
            datagram: LONGEST,
            receive_queue: None,
        }
    }
}

fn udp(_: Role, scheme: Scheme) -> bool {
    scheme == Scheme::Udp
}

fn client(role: Role, scheme: Scheme) -> bool {
    role == Role::Connect && scheme == Scheme::Udp
}

impl Text for Vec<Join> {
    fn read(text: &str) -> Result<Self, String> {
        text.split_whitespace().map(str::parse).collect()
    }

    fn write(&self) -> String {
        self.iter().map(Join::to_string).collect::<Vec<_>>().join(" ")
    }
}

impl Text for Option<Via> {
    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
    }

    fn write(&self) -> String {
        self.as_ref().map(Via::to_string).unwrap_or_default()
    }
}

impl Text for Option<SocketAddr> {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no address: write IP:PORT, such as 0.0.0.0:5353 or [::]:0");
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| wrong()) }
    }

    fn write(&self) -> String {
        self.map(|address| address.to_string()).unwrap_or_default()
    }
}

pub const ROWS: &[Row] = &[
    Row {
        name: "join",
        look: Look::Line("239.1.2.3@eth0 ff02::fb"),
        live: Live::Endpoint,
        fits: udp,
        elsewhere: "join is for udp: only datagrams go to multicast groups",
        when: always,
        help: "multicast groups, with spaces between; @ and an interface's name, index or address",
        get: |settings| settings.udp.join.write(),
        set: |settings, text| put(&mut settings.udp.join, text),
    },
    Row {
        name: "multicast_interface",
        look: Look::Line("eth0"),
        live: Live::Endpoint,
        fits: udp,
        elsewhere: "multicast_interface is for udp: only datagrams go to multicast groups",
        when: always,
        help: "where datagrams to groups leave: a name, an index or an address; empty lets routes say",
        get: |settings| settings.udp.multicast_interface.write(),
        set: |settings, text| put(&mut settings.udp.multicast_interface, text),
    },
    Row {
        name: "multicast_ttl",
        look: Look::Line("1"),
        live: Live::Endpoint,
        fits: udp,
        elsewhere: "multicast_ttl is for udp: only datagrams go to multicast groups",
        when: always,
        help: "how many networks a datagram to a group may cross; 1 stays on this one",
        get: |settings| settings.udp.multicast_ttl.to_string(),
        set: |settings, text| put_number(&mut settings.udp.multicast_ttl, text, 0..=255),
    },
    Row {
        name: "multicast_loop",
        look: Look::Switch,
        live: Live::Endpoint,
        fits: udp,
        elsewhere: "multicast_loop is for udp: only datagrams go to multicast groups",
        when: always,
        help: "this machine hears what it sends to a group it is in",
        get: |settings| settings.udp.multicast_loop.write(),
        set: |settings, text| put(&mut settings.udp.multicast_loop, text),
    },
    Row {
        name: "broadcast",
        look: Look::Switch,
        live: Live::Endpoint,
        fits: udp,
        elsewhere: "broadcast is for udp: only datagrams go to broadcast addresses",
        when: always,
        help: "may send to broadcast addresses (SO_BROADCAST)",
        get: |settings| settings.udp.broadcast.write(),
        set: |settings, text| put(&mut settings.udp.broadcast, text),
    },
    Row {
        name: "connected",
        look: Look::Switch,
        live: Live::Restart,
        fits: client,
        elsewhere: "connected is for udp clients: a listener hears everybody",
        when: always,
        help: "hear this one peer alone; no hears everybody. To a group or by broadcast it is always no",
        get: |settings| settings.udp.connected.write(),
        set: |settings, text| put(&mut settings.udp.connected, text),
    },
    Row {
        name: "from",
        look: Look::Line("0.0.0.0:5353"),
        live: Live::Restart,
        fits: client,
        elsewhere: "from is for udp clients: a listener sends from where it listens",
        when: always,
        help: "the address and port to send from; empty takes free ones",
        get: |settings| settings.udp.from.write(),
        set: |settings, text| put(&mut settings.udp.from, text),
    },
    Row {
        name: "share_port",
        look: Look::Switch,
        live: Live::Restart,
        fits: udp,
        elsewhere: "share_port is for udp: a group's port can have several listeners",
        when: always,
        help: "let other programs listen at the same port (SO_REUSEADDR), as mDNS wants it",
        get: |settings| settings.udp.share_port.write(),
        set: |settings, text| put(&mut settings.udp.share_port, text),
    },
    Row {
        name: "datagram",
        look: Look::Line("64KiB"),
        live: Live::Endpoint,
        fits: udp,
        elsewhere: "datagram is for udp: a stream has none",
        when: always,
        help: "the longest datagram taken; of a longer one the rest is lost, and that is told",
        get: |settings| settings.udp.datagram.to_string(),
        set: |settings, text| {
            let size = size::parse_bytes(text.trim())?;
            let fits = u32::try_from(size).ok().filter(|size| (1..=LONGEST).contains(size));
            settings.udp.datagram = fits.ok_or_else(|| format!("\"{text}\" does not fit: write 1B to 64KiB"))?;
            Ok(())
        },
    },
    Row {
        name: "receive_queue",
        look: Look::Line("default"),
        live: Live::Endpoint,
        fits: udp,
        elsewhere: "receive_queue is for udp: there what waits unread is bounded, and the rest is dropped",
        when: always,
        help: "bytes that may wait unread before the kernel drops datagrams (SO_RCVBUF), such as 1MiB",
        get: |settings| settings.udp.receive_queue.write(),
        set: |settings, text| put(&mut settings.udp.receive_queue, text),
    },
];
