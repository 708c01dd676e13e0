//! What the kernel says of a TCP connection, as the details page shows it.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use crate::model::size;
use crate::model::view::{Group, Kernel};

/// `TCP_INFO` (tcp(7)). Times are microseconds; windows and losses are segments, as the kernel counts them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Info {
    pub state: u8,
    pub rtt: u64,
    pub rtt_variance: u64,
    pub rtt_least: Option<u64>,
    pub rto: u64,
    pub mss: u32,
    pub mss_in: u32,
    pub mtu: u32,
    pub cwnd: u32,
    pub ssthresh: Option<u32>,
    /// The peer's window, in bytes.
    pub window: u32,
    /// On a listener: connections that wait to be accepted.
    pub unacked: u32,
    /// On a listener: how many may wait.
    pub sacked: u32,
    pub lost: u32,
    pub resent: u32,
    pub resent_bytes: u64,
    pub segments_in: u64,
    pub segments_out: u64,
    /// Bytes of ours that the peer has, and of its own that we have; a SYN or a FIN is one of them.
    pub acked: u64,
    pub received: u64,
    /// Bytes a second.
    pub delivery_rate: u64,
    pub pacing_rate: u64,
    /// Bytes that were not sent yet.
    pub unsent: u32,
    /// How long sending stood still for the peer's window, and for our own buffer.
    pub waited_for_peer: u64,
    pub waited_for_buffer: u64,
}

/// What the kernel made of the options; `None` where it did not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    pub local: Option<SocketAddr>,
    pub peer: Option<SocketAddr>,
    pub send_buffer: Option<usize>,
    pub receive_buffer: Option<usize>,
    pub keepalive: Option<Option<Duration>>,
    pub nodelay: Option<bool>,
}

/// Bytes in the kernel's queues.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Queues {
    pub send: Option<u32>,
    pub receive: Option<u32>,
}

impl Info {
    pub fn kernel(&self) -> Kernel {
        Kernel {
            segments_in: self.segments_in,
            segments_out: self.segments_out,
            rtt: Duration::from_micros(self.rtt),
            retransmits: self.resent,
        }
    }

    /// Whether something of ours, our FIN among it, is still to be acknowledged after we have closed: the states in
    /// which a close with `SO_LINGER` waits.
    pub fn is_delivering(&self) -> bool {
        matches!(self.state(), "fin-wait-1" | "last-ack" | "closing")
    }

    /// The state's name (tcp(7), `TCP_ESTABLISHED` and so on).
    pub fn state(&self) -> &'static str {
        const NAMES: [&str; 13] = [
            "unknown",
            "established",
            "syn-sent",
            "syn-recv",
            "fin-wait-1",
            "fin-wait-2",
            "time-wait",
            "close",
            "close-wait",
            "last-ack",
            "listen",
            "closing",
            "new-syn-recv",
        ];
        NAMES.get(usize::from(self.state)).unwrap_or(&"unknown")
    }
}

type Row = (Cow<'static, str>, String);

fn row(name: &'static str, value: String) -> Row {
    (name.into(), value)
}

fn micros(us: u64) -> String {
    size::span(Duration::from_micros(us))
}

fn rate(bytes: u64) -> String {
    // The kernel's "as fast as it goes".
    if bytes == u64::MAX { "unlimited".into() } else { format!("{}/s", size::bytes(bytes)) }
}

/// The block of an open connection, or of one that is over as it last was.
pub fn group(info: &Info, queues: Option<Queues>, options: Option<Options>) -> Group {
    let exact = |n: u64| size::exact(n);
    let count = |n: u32| size::exact(n.into());
    let mut rows =
        vec![row("state", if queues.is_some() { info.state().into() } else { "closed; as it last was".into() })];
    if let Some((local, peer)) = options.and_then(|options| options.local.zip(options.peer)) {
        rows.push(row("addresses", format!("{local} to {peer}")));
    }
    let least = info.rtt_least.map_or(String::new(), |least| format!(", least {}", micros(least)));
    rows.push(row("rtt", format!("{} ± {}{least}", micros(info.rtt), micros(info.rtt_variance))));
    rows.push(row("rto", micros(info.rto)));
    let threshold = info.ssthresh.map_or("none yet".into(), count);
    rows.push(row("cwnd", format!("{} segments, ssthresh {threshold}", count(info.cwnd))));
    rows.push(row(
        "mss",
        format!("{} B out, {} B in, path MTU {}", count(info.mss), count(info.mss_in), count(info.mtu)),
    ));
    rows.push(row("window", format!("{} B of the peer's", count(info.window))));
    rows.push(row(
        "in flight",
        format!("{} unacked, {} sacked, {} lost", count(info.unacked), count(info.sacked), count(info.lost)),
    ));
    rows.push(row("resent", format!("{} segments, {} B", count(info.resent), exact(info.resent_bytes))));
    rows.push(row("segments", format!("{} in, {} out", exact(info.segments_in), exact(info.segments_out))));
    // The kernel counts sequence numbers, and those two take one each (RFC 9293 section 3.4).
    rows.push(row(
        "bytes",
        format!("{} received, {} acked, with 1 for a SYN or FIN", exact(info.received), exact(info.acked)),
    ));
    // Nothing was sent yet that could be measured.
    let measured = if info.delivery_rate == 0 { "not measured yet".into() } else { rate(info.delivery_rate) };
    rows.push(row("delivery", format!("{measured}, paced at {}", rate(info.pacing_rate))));
    if let Some(Queues { send, receive }) = queues {
        let bytes = |n: Option<u32>| n.map_or("n/a".into(), |n| format!("{} B", count(n)));
        rows.push(row(
            "queues",
            format!("{} to send ({} unsent), {} to read", bytes(send), bytes(Some(info.unsent)), bytes(receive)),
        ));
    }
    if info.waited_for_peer > 0 || info.waited_for_buffer > 0 {
        let (peer, buffer) = (micros(info.waited_for_peer), micros(info.waited_for_buffer));
        rows.push(row("held up", format!("{peer} by the peer's window, {buffer} by our buffer")));
    }
    if let Some(options) = options {
        let bytes = |n: Option<usize>| n.map_or("n/a".into(), |n| format!("{} B", size::exact(n as u64)));
        rows.push(row(
            "buffers",
            format!("{} to send, {} to read", bytes(options.send_buffer), bytes(options.receive_buffer)),
        ));
        let keepalive = match options.keepalive {
            Some(Some(after)) => format!("keep-alive after {}", size::write_span(after)),
            Some(None) => "no keep-alive".into(),
            None => "keep-alive n/a".into(),
        };
        let nagle = options.nodelay.map_or("n/a", |nodelay| if nodelay { "off" } else { "on" });
        rows.push(row("options", format!("Nagle {nagle}, {keepalive}")));
    }
    Group { title: "TCP".into(), rows }
}

/// The block of a listener.
pub fn listening(info: &Info) -> Group {
    let most = u64::from(info.sacked);
    let rows = vec![
        row("state", info.state().into()),
        row("waiting", format!("{} to be accepted", size::exact(info.unacked.into()))),
        // It looks whether there are more than that, before it lets one more in.
        row("backlog", format!("{}: the kernel lets {} wait", size::exact(most), size::exact(most + 1))),
    ];
    Group { title: "TCP".into(), rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_the_kernel_has_its_name() {
        let state = |state| Info { state, ..Info::default() }.state();
        assert_eq!((state(1), state(6), state(10)), ("established", "time-wait", "listen"));
        assert_eq!((state(0), state(200)), ("unknown", "unknown"));
    }

    #[test]
    fn a_block_says_what_is_known_and_that_it_is_over() {
        let info = Info { state: 1, rtt: 42, rtt_variance: 7, cwnd: 10, pacing_rate: u64::MAX, ..Info::default() };
        let open = group(&info, Some(Queues { send: Some(1234), receive: None }), None);
        let find = |group: &Group, name: &str| group.rows.iter().find(|row| row.0 == name).map(|row| row.1.clone());
        assert_eq!(find(&open, "state").as_deref(), Some("established"));
        assert_eq!(find(&open, "queues").as_deref(), Some("1,234 B to send (0 B unsent), n/a to read"));
        assert_eq!(find(&open, "cwnd").as_deref(), Some("10 segments, ssthresh none yet"));
        assert!(find(&open, "delivery").unwrap().ends_with("unlimited"));
        let over = group(&info, None, None);
        assert_eq!((find(&over, "state").as_deref(), find(&over, "queues")), (Some("closed; as it last was"), None));
    }
}
