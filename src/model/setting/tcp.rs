//! What a TCP connection can be set to, under whatever is spoken on it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::text::{Text, put, put_number};
use super::{Live, Look, Row, always, stream};
use crate::model::framer::Framing;
use crate::model::size;
use crate::model::url::{Role, Scheme};

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tcp {
    /// No Nagle (`TCP_NODELAY`, tcp(7)): small writes are what a person sends and wants to see leave.
    pub nodelay: bool,
    /// Silence before the first keep-alive probe (`SO_KEEPALIVE`, `TCP_KEEPIDLE`); the kernel counts in seconds.
    pub keepalive: Option<Duration>,
    pub linger: Linger,
    /// `SO_SNDBUF` and `SO_RCVBUF` in bytes, of which the kernel makes twice as many for its own needs.
    pub send_buffer: Option<u64>,
    pub receive_buffer: Option<u64>,
    /// Where a client dials from.
    pub bind: Option<Bind>,
    /// What a client's host name stands for, instead of what the system says (curl's `--resolve`, Node's `lookup`).
    pub lookup: Vec<IpAddr>,
    /// `SO_REUSEADDR`: a restart does not wait for the `TIME_WAIT` of its old connections.
    pub reuse_address: bool,
    pub reuse_port: bool,
    /// Connections that may wait to be accepted (listen(2)); the kernel has its own bound, `somaxconn`.
    pub backlog: u32,
    /// Node's `server.maxConnections`.
    pub max_peers: Option<u32>,
    /// Where messages end in the stream, for reading and for sending.
    pub framing: Framing,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            nodelay: true,
            keepalive: None,
            linger: Linger::Default,
            send_buffer: None,
            receive_buffer: None,
            bind: None,
            lookup: Vec::new(),
            reuse_address: true,
            reuse_port: false,
            // What the kernel takes by default would be 4096; a listener that stalls shows it sooner with this.
            backlog: 1024,
            max_peers: None,
            framing: Framing::None,
        }
    }
}

impl Tcp {
    /// What the kernel makes of a new socket.
    pub fn untouched() -> Self {
        Self { nodelay: false, ..Self::default() }
    }
}

/// What a close does with what was not sent yet (`SO_LINGER`, socket(7)).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Linger {
    /// It is sent in the background, then FIN.
    #[default]
    Default,
    /// It is thrown away, and RST is sent.
    Reset,
    /// The close waits so long for the peer to acknowledge it all, and says so if it did not; then as by default.
    For(Duration),
}

impl Linger {
    /// The longest wait: nothing but stopping its endpoint cuts it short.
    const MOST: Duration = Duration::from_secs(60);

    /// How long a close waits.
    pub fn time(self) -> Option<Duration> {
        if let Self::For(time) = self { Some(time) } else { None }
    }
}

impl Text for Linger {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "" | "default" | "off" => Ok(Self::Default),
            "reset" | "0" | "0s" => Ok(Self::Reset),
            _ => match size::parse_span(text) {
                Ok(time) if (Duration::from_secs(1)..=Self::MOST).contains(&time) && time.subsec_nanos() == 0 => {
                    Ok(Self::For(time))
                }
                _ => Err(format!(
                    "\"{text}\" is no way to linger: write default, reset, or whole seconds from 1s to 60s"
                )),
            },
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Default => "default".into(),
            Self::Reset => "reset".into(),
            Self::For(time) => size::write_span(*time),
        }
    }
}

/// A client's own address: `127.0.0.2`, `127.0.0.2:5000`, `[::1]:5000`, `:5000`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bind {
    pub ip: Option<IpAddr>,
    /// 0 takes a free one.
    pub port: u16,
}

impl Bind {
    /// The address for a peer; none if the families differ.
    pub fn toward(self, peer: SocketAddr) -> Option<SocketAddr> {
        let any: IpAddr = if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let ip = self.ip.unwrap_or(any);
        (ip.is_ipv4() == peer.is_ipv4()).then_some(SocketAddr::new(ip, self.port))
    }
}

impl Text for Option<Bind> {
    fn read(text: &str) -> Result<Self, String> {
        if matches!(text, "" | "any") {
            return Ok(None);
        }
        let bind = |ip, port| Ok(Some(Bind { ip, port }));
        if let Ok(address) = text.parse::<SocketAddr>() {
            return bind(Some(address.ip()), address.port());
        }
        if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse() {
            return bind(Some(ip), 0);
        }
        match text.strip_prefix(':').and_then(|port| port.parse().ok()) {
            Some(port) => bind(None, port),
            None => {
                Err(format!("\"{text}\" is no address of ours: write IP, IP:PORT or :PORT, such as 127.0.0.2:5000"))
            }
        }
    }

    fn write(&self) -> String {
        match self {
            None => String::new(),
            Some(Bind { ip: None, port }) => format!(":{port}"),
            Some(Bind { ip: Some(ip), port: 0 }) => ip.to_string(),
            Some(Bind { ip: Some(ip), port }) => SocketAddr::new(*ip, *port).to_string(),
        }
    }
}

/// A size that the kernel's `int` holds: twice it, for the kernel doubles it.
fn put_buffer(place: &mut Option<u64>, text: &str) -> Result<(), String> {
    let size = <Option<u64>>::read(text.trim())?;
    if size.is_some_and(|size| size > 1 << 30) {
        return Err(format!("\"{text}\" is more than the kernel takes: at most 1GiB"));
    }
    *place = size;
    Ok(())
}

fn listens(role: Role, scheme: Scheme) -> bool {
    role == Role::Listen && stream(role, scheme)
}

fn dials(role: Role, scheme: Scheme) -> bool {
    role == Role::Connect && stream(role, scheme)
}

pub const ROWS: &[Row] = &[
    Row {
        name: "half_open",
        look: Look::Switch,
        live: Live::Now,
        fits: |_, scheme| matches!(scheme, Scheme::Tcp | Scheme::Tls),
        elsewhere: "half_open is for tcp and tls: the other protocols decide themselves when a connection ends",
        when: always,
        help: "after the peer's FIN keep our side open",
        get: |settings| settings.half_open.write(),
        set: |settings, text| put(&mut settings.half_open, text),
    },
    Row {
        name: "nodelay",
        look: Look::Switch,
        live: Live::Now,
        fits: stream,
        elsewhere: "nodelay is for connections: udp has no Nagle to switch off",
        when: always,
        help: "send small writes at once (TCP_NODELAY); no is Nagle's algorithm",
        get: |settings| settings.tcp.nodelay.write(),
        set: |settings, text| put(&mut settings.tcp.nodelay, text),
    },
    Row {
        name: "keepalive",
        look: Look::Line("60s"),
        live: Live::Now,
        fits: stream,
        elsewhere: "keepalive is for connections: udp has none to keep alive",
        when: always,
        help: "silence before the kernel asks whether the peer is there (SO_KEEPALIVE); off for never",
        get: |settings| settings.tcp.keepalive.write(),
        set: |settings, text| {
            let span = <Option<Duration>>::read(text.trim())?;
            if span.is_some_and(|span| !(1..=32_767).contains(&span.as_secs()) || span.subsec_nanos() > 0) {
                return Err(format!("\"{text}\" does not fit: the kernel takes whole seconds from 1s to 32767s"));
            }
            settings.tcp.keepalive = span;
            Ok(())
        },
    },
    Row {
        name: "linger",
        look: Look::Line("default, reset, 5s"),
        live: Live::Now,
        fits: stream,
        elsewhere: "linger is for connections: udp has nothing that waits to be sent",
        when: always,
        help: "on close: default sends the rest, reset is RST, 5s waits for the peer's ACK",
        get: |settings| settings.tcp.linger.write(),
        set: |settings, text| put(&mut settings.tcp.linger, text),
    },
    Row {
        name: "send_buffer",
        look: Look::Line("64KiB"),
        live: Live::Now,
        fits: stream,
        elsewhere: "send_buffer is for connections here",
        when: always,
        help: "the kernel's send buffer (SO_SNDBUF; it takes twice that); default: it grows as needed",
        get: |settings| settings.tcp.send_buffer.write(),
        set: |settings, text| put_buffer(&mut settings.tcp.send_buffer, text),
    },
    Row {
        name: "receive_buffer",
        look: Look::Line("64KiB"),
        live: Live::Now,
        fits: stream,
        elsewhere: "receive_buffer is for connections here",
        when: always,
        help: "the kernel's receive buffer (SO_RCVBUF; it takes twice that); default: it grows as needed",
        get: |settings| settings.tcp.receive_buffer.write(),
        set: |settings, text| put_buffer(&mut settings.tcp.receive_buffer, text),
    },
    Row {
        name: "bind",
        look: Look::Line("127.0.0.2:5000"),
        live: Live::Next,
        fits: dials,
        elsewhere: "bind is where a client dials from; a listener's address is its URL's",
        when: always,
        help: "our own address and port: IP, IP:PORT or :PORT; empty takes any",
        get: |settings| settings.tcp.bind.write(),
        set: |settings, text| put(&mut settings.tcp.bind, text),
    },
    Row {
        name: "lookup",
        look: Look::Line("127.0.0.1 ::1"),
        live: Live::Next,
        fits: dials,
        elsewhere: "lookup is for clients: the addresses their host's name stands for",
        when: always,
        help: "addresses to take for the host's name instead of asking the system, in order",
        get: |settings| settings.tcp.lookup.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" "),
        set: |settings, text| {
            let ip = |word: &str| word.parse().map_err(|_| format!("\"{word}\" is no IP address"));
            settings.tcp.lookup = text.split_whitespace().map(ip).collect::<Result<_, String>>()?;
            Ok(())
        },
    },
    Row {
        name: "reuse_address",
        look: Look::Switch,
        live: Live::Restart,
        fits: stream,
        elsewhere: "reuse_address is for connections here",
        when: always,
        help: "bind although old connections of that port are not quite over (SO_REUSEADDR)",
        get: |settings| settings.tcp.reuse_address.write(),
        set: |settings, text| put(&mut settings.tcp.reuse_address, text),
    },
    Row {
        name: "reuse_port",
        look: Look::Switch,
        live: Live::Restart,
        fits: stream,
        elsewhere: "reuse_port is for connections here",
        when: always,
        help: "share the port with others that say so too (SO_REUSEPORT)",
        get: |settings| settings.tcp.reuse_port.write(),
        set: |settings, text| put(&mut settings.tcp.reuse_port, text),
    },
    Row {
        name: "backlog",
        look: Look::Line("1024"),
        live: Live::Restart,
        fits: listens,
        elsewhere: "backlog is for listeners: how many connections wait to be accepted",
        when: always,
        help: "connections that may wait to be accepted; the kernel's own bound is somaxconn",
        get: |settings| settings.tcp.backlog.to_string(),
        set: |settings, text| put_number(&mut settings.tcp.backlog, text, 0..=65_535),
    },
    Row {
        name: "max_peers",
        look: Look::Line("100"),
        live: Live::Endpoint,
        fits: listens,
        elsewhere: "max_peers is for listeners: how many peers may be connected at once",
        when: always,
        help: "peers beyond so many are turned away with `drop` (Node's maxConnections); off for no bound",
        get: |settings| settings.tcp.max_peers.map_or_else(|| "off".into(), |most| most.to_string()),
        set: |settings, text| {
            let text = text.trim();
            if matches!(text, "" | "off" | "none") {
                settings.tcp.max_peers = None;
                return Ok(());
            }
            let mut most = 0;
            put_number(&mut most, text, 0..=1_000_000)?;
            settings.tcp.max_peers = Some(most);
            Ok(())
        },
    },
    Row {
        name: "framing",
        look: Look::Line(r"line, u16be, delimiter:\r\n"),
        live: Live::Now,
        fits: |_, scheme| matches!(scheme, Scheme::Tcp | Scheme::Tls),
        elsewhere: "framing is for tcp and tls: the other protocols have messages of their own",
        when: always,
        help: "messages in the stream: none, line, u8, u16be, u16le, u32be, u32le, delimiter:TEXT",
        get: |settings| settings.tcp.framing.to_string(),
        set: |settings, text| {
            settings.tcp.framing = text.parse()?;
            Ok(())
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_own_address_has_four_forms() {
        for text in ["", "127.0.0.2", "127.0.0.2:5000", "::1", "[::1]:5000", ":5000"] {
            let bind = <Option<Bind>>::read(text).unwrap();
            assert_eq!(bind.write(), text);
        }
        assert_eq!(<Option<Bind>>::read("[::1]").unwrap(), <Option<Bind>>::read("::1").unwrap());
        assert!(<Option<Bind>>::read("localhost").unwrap_err().contains("IP:PORT"));
        let bind = <Option<Bind>>::read(":5000").unwrap().unwrap();
        assert_eq!(bind.toward("[::1]:1".parse().unwrap()), Some("[::]:5000".parse().unwrap()));
        let bind = <Option<Bind>>::read("127.0.0.2").unwrap().unwrap();
        assert_eq!(bind.toward("[::1]:1".parse().unwrap()), None);
    }

    #[test]
    fn what_the_kernel_would_not_take_is_refused() {
        let mut settings = crate::model::spec::Settings::default();
        let mut set = |name: &str, text: &str| (super::super::find(name).unwrap().set)(&mut settings, text);
        for (name, text) in [
            ("keepalive", "10ms"),
            ("keepalive", "10h"),
            ("linger", "soon"),
            ("linger", "500ms"),
            ("linger", "61s"),
            ("send_buffer", "2GiB"),
            ("receive_buffer", "lots"),
            ("lookup", "localhost"),
            ("backlog", "-1"),
            ("backlog", "70000"),
            ("max_peers", "many"),
        ] {
            assert!(set(name, text).is_err(), "{name} = {text}");
        }
        for (name, text) in [("keepalive", "60s"), ("linger", "0"), ("send_buffer", "8KiB"), ("max_peers", "0")] {
            set(name, text).unwrap();
        }
        assert_eq!((settings.tcp.linger, settings.tcp.max_peers), (Linger::Reset, Some(0)));
        for text in ["default", "reset", "5s", "1m"] {
            assert_eq!(Linger::read(text).unwrap().write(), text);
        }
    }
}
