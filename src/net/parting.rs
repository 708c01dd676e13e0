//! The end of a connection as it was on the wire, which is not always the end that its protocol meant: told before
//! the close is.

use super::errno;
use super::kernel::{Handle, Parting, Reset};
use super::tls;
use crate::hub::Recorder;
use crate::model::end::{End, Fault, Op, Party, Tcp};
use crate::model::event::{Kind, Sign, Way};
use crate::model::size;
use crate::model::url::Scheme;

/// The end to tell, its stream closed by now. What the wire had besides is recorded: the FINs that nobody told, why
/// a close was a RST.
pub fn settle(record: &Recorder, kernel: &Handle, scheme: Scheme, end: End) -> End {
    let Some(parting) = kernel.parting() else { return end };
    // A RST of the peer is told where it was met, and leaves nothing to say of FINs.
    if end == (End::Reset { by: Party::Peer }) {
        return end;
    }
    let fin_in = parting.fin_in(record.count().received.wire);
    fins(record, &parting, fin_in);
    let by = match parting.reset {
        Some(Reset::Unread(bytes)) => {
            let text = format!("{} B of input were not read: that makes the close a RST", size::exact(bytes.into()));
            record.error(Fault::Io { op: Op::Close, name: "unread", text: text.into() });
            Some(Party::Us)
        }
        Some(Reset::Asked) => Some(Party::Us),
        // Both were done: what we said last came to somebody who was gone, and was answered in this way.
        Some(Reset::Peer) if fin_in => None,
        Some(Reset::Peer) => {
            let error = std::io::Error::from_raw_os_error(libc::ECONNRESET);
            record.error(errno::fault(Op::Close, &error));
            Some(Party::Peer)
        }
        None => None,
    };
    match (end, by) {
        (End::Unsecured { fault, open, tcp: None }, by) => {
            let fin = parting.first.map(|by| Tcp { reset: false, by });
            End::Unsecured { fault, open, tcp: by.map(|by| Tcp { reset: true, by }).or(fin) }
        }
        (End::Finished { .. }, Some(by)) => End::Reset { by },
        // What a peer says to our goodbye makes it no other end, though its RST is told.
        (End::Stopped, Some(by)) if !parting.said_goodbye => End::Reset { by },
        (End::Finished { first }, None) => {
            // WebSocket has a goodbye of its own, and it counts who began with that.
            let first = parting.first.filter(|_| !scheme.is_ws()).unwrap_or(first);
            match tls::cut(record) {
                Some(fault) => End::Unsecured { fault, open: true, tcp: Some(Tcp { reset: false, by: first }) },
                None => End::Finished { first },
            }
        }
        (end, _) => end,
    }
}

/// The FINs that crossed, or will, and that no stream of ours told.
fn fins(record: &Recorder, parting: &Parting, fin_in: bool) {
    let ours = parting.queued.map_or(Sign::Fin, Sign::Queued);
    let mut sides = [(Way::In, fin_in, Sign::Fin), (Way::Out, parting.fin_out, ours)];
    if parting.first == Some(Party::Us) {
        sides.reverse();
    }
    for (way, crossed, sign) in sides {
        if crossed && !record.has_ended(way) {
            record.event(Kind::End { way, sign });
        }
    }
}
