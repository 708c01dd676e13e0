//! `scheme://[host][:port][/path]`: where an endpoint listens or dials.
//!
//! Not the WHATWG URL: an empty host is loopback, port 0 asks for a free one, `tcp`, `udp` and `tls`
//! have no path.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A scheme: a protocol, plain or over TLS.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    Tcp,
    Udp,
    Http,
    Https,
    Ws,
    Wss,
    Tls,
}

/// One row a scheme: name, whether it runs over TLS, the port we listen on, the port a client dials
/// when none is given, whether it has a path.
struct Row(Scheme, &'static str, bool, u16, Option<u16>, bool);

const ROWS: &[Row] = &[
    Row(Scheme::Tcp, "tcp", false, 8124, None, false),
    Row(Scheme::Udp, "udp", false, 41234, None, false),
    Row(Scheme::Http, "http", false, 8180, Some(80), true),
    Row(Scheme::Https, "https", true, 8543, Some(443), true),
    Row(Scheme::Ws, "ws", false, 8181, Some(80), true),
    Row(Scheme::Wss, "wss", true, 8544, Some(443), true),
    Row(Scheme::Tls, "tls", true, 8443, None, false),
];

impl Scheme {
    pub const ALL: [Self; 7] = [Self::Tcp, Self::Udp, Self::Http, Self::Https, Self::Ws, Self::Wss, Self::Tls];

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Whether TLS lies between this and TCP.
    pub fn is_secure(self) -> bool {
        self.row().2
    }

    /// The port a listener takes when none is given.
    pub fn listen_port(self) -> u16 {
        self.row().3
    }

    fn dial_port(self) -> Option<u16> {
        self.row().4
    }

    pub fn has_path(self) -> bool {
        self.row().5
    }

    /// Whether our own framing knows what a packet is (a datagram, a frame); else the kernel does.
    pub fn counts_its_packets(self) -> bool {
        matches!(self, Self::Udp) || self.is_ws()
    }

    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    pub fn is_ws(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether an endpoint waits for peers or dials one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    Listen,
    Connect,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Connect => "connect",
        }
    }
}

/// A name to resolve, or an address.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Host {
    Name(Box<str>),
    Ip(IpAddr),
}

impl Host {
    pub const LOOPBACK: Self = Self::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));

    /// Whether only this machine can reach it, as far as the text tells.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(ip) => ip.is_loopback(),
            Self::Name(name) => &**name == "localhost",
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// Where an endpoint listens or dials.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Url {
    pub scheme: Scheme,
    pub host: Host,
    pub port: u16,
    /// Starts with `/`; empty where the scheme has none or none was given.
    pub path: Box<str>,
}

impl Url {
    /// Reads a URL for a role: a missing port is the scheme's own.
    ///
    /// # Errors
    /// A sentence that says what was wrong and what would be right.
    pub fn parse(text: &str, role: Role) -> Result<Self, String> {
        let text = text.trim();
        let Some((name, rest)) = text.split_once("://") else {
            return Err(format!("\"{text}\" has no scheme: write one of {}, such as tcp://:9000", schemes("://")));
        };
        let scheme: Scheme = name.parse()?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if !scheme.has_path() && !matches!(path, "" | "/") {
            return Err(format!("{scheme} has no path: leave out \"{path}\""));
        }
        if let Some(c) = text.chars().find(|c| c.is_control() || c.is_whitespace()) {
            return Err(format!("a URL has no {}: write %{:02X} in its place", c.escape_default(), c as u32));
        }
        let (host, port) = split_port(authority, text)?;
        let host = read_host(host, text)?;
        let port = match (port, role) {
            (Some(0), Role::Connect) => {
                return Err(format!("\"{text}\" dials port 0: name the port the peer listens on"));
            }
            (Some(port), _) => port,
            (None, Role::Listen) => scheme.listen_port(),
            (None, Role::Connect) => scheme.dial_port().ok_or_else(|| {
                format!("\"{text}\" has no port, and {scheme} has no usual one: write {scheme}://HOST:PORT")
            })?,
        };
        let path = if scheme.has_path() { path } else { "" };
        Ok(Self { scheme, host, port, path: path.into() })
    }

    /// `host:port`, as a Host header or a column wants it.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}{}", self.scheme, self.host, self.port, self.path)
    }
}

impl FromStr for Scheme {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        ROWS.iter()
            .find(|row| row.1.eq_ignore_ascii_case(name))
            .map(|row| row.0)
            .ok_or_else(|| format!("\"{name}\" is no scheme: there are {}", schemes("")))
    }
}

fn schemes(suffix: &str) -> String {
    ROWS.iter().map(|row| format!("{}{suffix}", row.1)).collect::<Vec<_>>().join(", ")
}

fn split_port<'a>(authority: &'a str, text: &str) -> Result<(&'a str, Option<u16>), String> {
    // A colon inside brackets is the address's own.
    let Some((host, port)) = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) else {
        return Ok((authority, None));
    };
    if host.contains(':') && !host.starts_with('[') {
        return Err(format!("\"{text}\" has an IPv6 address without brackets: write [{authority}]:PORT"));
    }
    if port.is_empty() {
        return Ok((host, None));
    }
    let port = Some(port)
        .filter(|port| port.bytes().all(|digit| digit.is_ascii_digit()))
        .and_then(|port| port.parse().ok())
        .ok_or_else(|| format!("\"{port}\" is no port: write a number from 0 to 65535 (0 picks a free one)"))?;
    Ok((host, Some(port)))
}

fn read_host(host: &str, text: &str) -> Result<Host, String> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner =
            inner.strip_suffix(']').ok_or_else(|| format!("\"{text}\" has an open bracket: write [::1]:PORT"))?;
        let ip: Ipv6Addr = inner
            .parse()
            .map_err(|_| format!("\"{inner}\" is no IPv6 address: write one such as [::1] or [fe80::1]"))?;
        return Ok(Host::Ip(ip.into()));
    }
    if host.is_empty() {
        return Ok(Host::LOOPBACK);
    }
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return Ok(Host::Ip(ip.into()));
    }
    let good = host.len() <= 253 && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_'));
    // All digits and dots, yet not four numbers: a mistyped address, not a name.
    let numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !good || numeric {
        return Err(format!("\"{host}\" is no host: write a name, an IPv4 address, or an IPv6 address in brackets"));
    }
    Ok(Host::Name(host.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listen(text: &str) -> Result<String, String> {
        Url::parse(text, Role::Listen).map(|url| url.to_string())
    }

    #[test]
    fn schemes_are_in_their_rows() {
        for scheme in Scheme::ALL {
            assert_eq!(scheme.row().0, scheme);
            assert_eq!(scheme.name().parse(), Ok(scheme));
        }
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        let cases = [
            ("tcp://:9000", "tcp://127.0.0.1:9000"),
            ("tcp://", "tcp://127.0.0.1:8124"),
            ("udp://[::1]:5", "udp://[::1]:5"),
            ("ws://localhost/chat?x=1", "ws://localhost:8181/chat?x=1"),
            ("tls://0.0.0.0:0", "tls://0.0.0.0:0"),
            ("HTTP://a.test:", "http://a.test:8180"),
        ];
        for (text, want) in cases {
            assert_eq!(listen(text).as_deref(), Ok(want), "{text}");
        }
        assert_eq!(Url::parse("https://a.test", Role::Connect).unwrap().port, 443);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("9000", "no scheme"),
            ("ftp://a", "\"ftp\" is no scheme: there are tcp"),
            ("tcp://a:99999", "is no port"),
            ("tcp://a:-1", "is no port"),
            ("tcp://::1:80", "brackets"),
            ("tcp://[::1:80", "open bracket"),
            ("tcp://[zz]:80", "no IPv6 address"),
            ("tcp://a/b", "tcp has no path"),
            ("tcp://1.2.3:80", "no host"),
            ("http://a b/", "a URL has no"),
        ];
        for (text, want) in cases {
            let error = listen(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
        assert!(Url::parse("tcp://a", Role::Connect).unwrap_err().contains("tcp://HOST:PORT"));
        assert!(Url::parse("tcp://a:0", Role::Connect).unwrap_err().contains("port 0"));
    }

    proptest! {
        #[test]
        fn a_url_reads_what_it_writes(
            scheme in prop::sample::select(&Scheme::ALL[..]),
            host in prop_oneof![
                any::<[u8; 4]>().prop_map(|ip| Host::Ip(IpAddr::from(ip))),
                any::<[u16; 8]>().prop_map(|ip| Host::Ip(IpAddr::from(ip))),
                "[a-z][a-z0-9-]{0,20}(\\.[a-z]{1,5})?".prop_map(|name| Host::Name(name.into())),
            ],
            port in 1u16..,
        ) {
            let path = if scheme.has_path() { "/a?b=c" } else { "" };
            let url = Url { scheme, host, port, path: path.into() };
            for role in [Role::Listen, Role::Connect] {
                prop_assert_eq!(Url::parse(&url.to_string(), role), Ok(url.clone()));
            }
        }

        #[test]
        fn no_text_panics(text in "(tcp|udp|ws|)(://)?.{0,30}") {
            let _ = listen(&text);
        }
    }
}
