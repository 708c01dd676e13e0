//! A multicast group and the interface to use for it, as a person writes them: `239.1.2.3`,
//! `239.1.2.3@eth0`, `ff02::fb@2`, `239.1.2.3@192.0.2.7`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An interface by its name, its index, or an address it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Via {
    Name(String),
    Index(u32),
    Address(IpAddr),
}

/// A group to join; without an interface the kernel chooses one by its routes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Join {
    pub group: IpAddr,
    pub via: Option<Via>,
}

/// Whether an address stands for more than one machine.
pub fn is_many(ip: IpAddr) -> bool {
    ip.is_multicast() || matches!(ip, IpAddr::V4(ip) if ip.is_broadcast())
}

impl Join {
    /// Whether a socket bound to `local` hears the group: only one that is bound to every address of a family that
    /// fits, or to the group's own (ip(7)).
    ///
    /// # Errors
    /// It does not, and where to listen instead.
    pub fn heard_at(&self, local: IpAddr) -> Result<(), String> {
        let Self { group, .. } = self;
        let (fits, any) = match group {
            // An IPv6 socket on every address hears IPv4 too.
            IpAddr::V4(_) => (local.is_unspecified(), "0.0.0.0"),
            IpAddr::V6(_) => (local.is_unspecified() && local.is_ipv6(), "[::]"),
        };
        if fits || local == *group {
            return Ok(());
        }
        Err(format!("{group} wants a socket bound to {any}, not {local}"))
    }
}

impl FromStr for Via {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Linux takes 15 bytes (IFNAMSIZ), others no more.
        let is_name = !text.is_empty() && text.len() < 16 && text.bytes().all(|byte| byte.is_ascii_graphic());
        match (text.parse(), text.parse::<u32>()) {
            (Ok(address), _) => Ok(Self::Address(address)),
            (_, Ok(index)) if index > 0 => Ok(Self::Index(index)),
            (_, Err(_)) if is_name && !text.contains('/') => Ok(Self::Name(text.into())),
            _ => Err(format!("\"{text}\" is no interface: write its name, its index or its address, such as eth0")),
        }
    }
}

impl FromStr for Join {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // `%` is how IPv6 names a zone (RFC 4007 section 11).
        let (group, via) = match text.split_once(['@', '%']) {
            Some((group, via)) => (group, Some(via.parse()?)),
            None => (text, None),
        };
        let group = group.strip_prefix('[').and_then(|group| group.strip_suffix(']')).unwrap_or(group);
        let wanted = || {
            format!("\"{text}\" is no multicast group: write one such as 239.1.2.3, 239.1.2.3@eth0 or ff02::fb@eth0")
        };
        let group: IpAddr = group.parse().map_err(|_| wanted())?;
        if group.is_multicast() { Ok(Self { group, via }) } else { Err(wanted()) }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => index.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.via {
            Some(via) => write!(f, "{}@{via}", self.group),
            None => self.group.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_reads_as_it_writes() {
        for text in ["239.1.2.3", "239.1.2.3@lo", "239.1.2.3@127.0.0.1", "ff02::fb@2", "ff02::fb@eth0", "ff05::1@::1"] {
            assert_eq!(text.parse::<Join>().unwrap().to_string(), text);
        }
        assert_eq!("[ff02::fb]@eth0".parse::<Join>().unwrap().to_string(), "ff02::fb@eth0");
        assert_eq!("ff02::fb%2".parse::<Join>().unwrap().via, Some(Via::Index(2)));
    }

    #[test]
    fn a_group_is_heard_where_it_can_be() {
        let heard = |group: &str, local: &str| group.parse::<Join>().unwrap().heard_at(local.parse().unwrap());
        for (group, local) in [
            ("239.1.2.3", "0.0.0.0"),
            ("239.1.2.3@lo", "::"),
            ("239.1.2.3", "239.1.2.3"),
            ("ff02::fb", "::"),
            ("ff02::fb@1", "ff02::fb"),
        ] {
            heard(group, local).unwrap();
        }
        for (group, local, right) in [
            ("239.1.2.3", "127.0.0.1", "bound to 0.0.0.0"),
            ("239.1.2.3", "::1", "bound to 0.0.0.0"),
            ("239.1.2.3", "239.1.2.4", "bound to 0.0.0.0"),
            ("ff02::fb", "0.0.0.0", "bound to [::]"),
            ("ff02::fb", "::1", "bound to [::]"),
        ] {
            let said = heard(group, local).unwrap_err();
            let group = group.split('@').next().unwrap();
            assert_eq!(said, format!("{group} wants a socket {right}, not {local}"));
        }
    }

    #[test]
    fn what_is_no_group_is_told() {
        for text in ["", "127.0.0.1", "239.1.2", "::1", "239.1.2.3@", "239.1.2.3@a/b", "239.1.2.3@0"] {
            assert!(text.parse::<Join>().unwrap_err().contains(" is no "), "{text}");
        }
    }
}
