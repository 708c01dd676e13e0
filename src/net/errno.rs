//! An `io::Error` as a [`Fault`]: the errno's name, a text a person understands, and TLS faults that
//! hide inside I/O errors.

use std::io;
use std::net::SocketAddr;

use crate::model::end::{End, Fault, Op, Party};

/// errno(3) names that sockets give, with the texts we show. Others fall back to the kind.
const NAMES: &[(i32, &str, &str)] = &[
    (libc::EACCES, "EACCES", "permission denied (ports below 1024 want privileges)"),
    (libc::EADDRINUSE, "EADDRINUSE", "the port is taken"),
    (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL", "no interface of this machine has that address"),
    (libc::EAFNOSUPPORT, "EAFNOSUPPORT", "this machine does not speak that address family"),
    (libc::ECONNABORTED, "ECONNABORTED", "the connection was aborted"),
    (libc::ECONNREFUSED, "ECONNREFUSED", "nobody listens there"),
    (libc::ECONNRESET, "ECONNRESET", "the peer reset the connection"),
    (libc::EHOSTUNREACH, "EHOSTUNREACH", "no route to that host"),
    (libc::EINVAL, "EINVAL", "the kernel does not take that"),
    (libc::EMFILE, "EMFILE", "this process has no file descriptor left (see ulimit -n)"),
    (libc::EMSGSIZE, "EMSGSIZE", "the datagram is too large (65,507 bytes at most)"),
    (libc::ENETUNREACH, "ENETUNREACH", "no route to that network"),
    (libc::ENFILE, "ENFILE", "the system has no file descriptor left"),
    (libc::ENOBUFS, "ENOBUFS", "the kernel has no buffer left"),
    (libc::ENODEV, "ENODEV", "there is no such interface"),
    (libc::ENOMEM, "ENOMEM", "the kernel has no memory left"),
    (
        libc::ENOPROTOOPT,
        "ENOPROTOOPT",
        "this socket has no such option (an IPv6 group wants an IPv6 address to listen on)",
    ),
    (libc::ENOTCONN, "ENOTCONN", "the connection is gone already"),
    (libc::ENETDOWN, "ENETDOWN", "the network is down"),
    (libc::EHOSTDOWN, "EHOSTDOWN", "the host is down"),
    (libc::EDESTADDRREQ, "EDESTADDRREQ", "a destination is wanted"),
    (libc::EIO, "EIO", "input or output failed"),
    (libc::EISCONN, "EISCONN", "it is connected already"),
    (libc::ENXIO, "ENXIO", "there is no such device or address"),
    (libc::EOPNOTSUPP, "EOPNOTSUPP", "this socket cannot do that"),
    (libc::EPROTO, "EPROTO", "the protocol was violated"),
    (libc::EPERM, "EPERM", "not permitted (a firewall?)"),
    (libc::EPIPE, "EPIPE", "the peer has closed"),
    (libc::ETIMEDOUT, "ETIMEDOUT", "no answer in time"),
];

/// What an errno means where it does not mean what it mostly does.
const PARTICULAR: &[(Op, i32, &str)] = &[
    (Op::Connect, libc::EACCES, "not permitted: a broadcast address, or a firewall"),
    (Op::Connect, libc::EADDRNOTAVAIL, "no free port of ours is left to dial from, or nobody can be dialled there"),
    (Op::Connect, libc::ECONNRESET, "the peer reset the connection before it stood"),
    (Op::Connect, libc::EINVAL, "that is no address to dial; a link-local one wants its interface"),
    (Op::Bind, libc::EINVAL, "that is no address to bind to; a link-local one wants its interface"),
    (Op::Read, libc::ETIMEDOUT, "the peer answers no more"),
    (Op::Write, libc::ETIMEDOUT, "the peer answers no more"),
];

/// What went wrong, as a value.
pub fn fault(op: Op, error: &io::Error) -> Fault {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return super::tls::fault(tls);
    }
    let row = error.raw_os_error().and_then(|code| NAMES.iter().find(|row| row.0 == code));
    match row {
        Some(&(code, name, text)) => {
            let particular = PARTICULAR.iter().find(|row| (row.0, row.1) == (op, code));
            Fault::Io { op, name, text: particular.map_or(text, |row| row.2).into() }
        }
        None => Fault::Io { op, name: kind_name(error.kind()), text: error.to_string().into() },
    }
}

/// The same, with the address it was about.
pub fn fault_at(op: Op, at: SocketAddr, error: &io::Error) -> Fault {
    match fault(op, error) {
        Fault::Io { op, name: name @ "EADDRINUSE", .. } => {
            Fault::Io { op, name, text: format!("{at} is taken").into() }
        }
        Fault::Io { op, name, text } => Fault::Io { op, name, text: format!("{at}: {text}").into() },
        fault => fault,
    }
}

fn kind_name(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::UnexpectedEof => "EOF",
        io::ErrorKind::ConnectionReset => "ECONNRESET",
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::InvalidData => "EBADMSG",
        io::ErrorKind::NotFound => "ENOENT",
        // No other errno's name: the text behind it has the number.
        _ => "unknown",
    }
}

/// Whether the peer tore the connection down, as far as this error tells.
pub fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
    )
}

/// How a connection ends that failed while `op`.
pub fn end(op: Op, error: &io::Error) -> End {
    if is_reset(error) { End::Reset { by: Party::Peer } } else { End::Broken(fault(op, error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_has_its_name_and_a_sentence() {
        let fault = fault(Op::Bind, &io::Error::from_raw_os_error(libc::EADDRINUSE));
        assert_eq!(fault.name(), "EADDRINUSE");
        assert_eq!(fault.to_string(), "EADDRINUSE while binding: the port is taken");
    }

    #[test]
    fn what_an_errno_says_depends_on_what_was_done() {
        let said = |op, code| fault(op, &io::Error::from_raw_os_error(code)).to_string();
        let own = said(Op::Bind, libc::EADDRNOTAVAIL);
        assert_eq!(own, "EADDRNOTAVAIL while binding: no interface of this machine has that address");
        let ports = said(Op::Connect, libc::EADDRNOTAVAIL);
        assert!(ports.starts_with("EADDRNOTAVAIL while connecting: no free port"), "{ports}");
        assert!(!said(Op::Connect, libc::EACCES).contains("1024"));
        assert!(said(Op::Bind, libc::EACCES).contains("1024"));
        assert_eq!(said(Op::Connect, libc::ETIMEDOUT), "ETIMEDOUT while connecting: no answer in time");
        assert_eq!(said(Op::Read, libc::ETIMEDOUT), "ETIMEDOUT while reading: the peer answers no more");
        assert_eq!(said(Op::Connect, libc::EHOSTUNREACH), "EHOSTUNREACH while connecting: no route to that host");
        assert_eq!(said(Op::Connect, libc::ENETUNREACH), "ENETUNREACH while connecting: no route to that network");
        assert!(said(Op::Open, libc::EMFILE).starts_with("EMFILE while opening a socket: this process has no"));
    }

    #[test]
    fn a_reset_ends_by_the_peer() {
        let error = io::Error::from_raw_os_error(libc::ECONNRESET);
        assert_eq!(end(Op::Read, &error), End::Reset { by: Party::Peer });
    }
}
