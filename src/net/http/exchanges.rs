//! The watch on the clear stream of an HTTP connection: decodes both directions, numbers the exchanges,
//! and records them as they are on the wire. Sees bytes alone; it does not know who speaks.
//!
//! After a 101 the connection is another protocol's: everything then goes to the follower, counting and
//! ends included, beginning with the bytes that came right behind the head.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Context;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::book::{Book, Open, Requests, Responses};
use super::decode::{Decoder, Half, Preface};
use super::hop::Pointer;
use super::interim::Interims;
use super::reason::Reason;
use super::table::Table;
use crate::hub::Recorder;
use crate::model::end::{End, Op, Party};
use crate::model::event::{Kind, Way};
use crate::model::exchange::Why;
use crate::model::time::Stamp;
use crate::model::url::Role;
use crate::net::probe::Watch;
use crate::net::{errno, wire};

/// A request: its exchange, its head, and when that came.
pub type Waits = (u32, Bytes, Stamp);

/// The requests that came in and nobody has begun to answer: their heads, as they were on the wire.
#[derive(Default)]
pub struct Heads {
    queue: Mutex<VecDeque<Waits>>,
    /// The one being answered waits for its body or for a person.
    busy: AtomicBool,
    /// What goes behind the last chunk of the answer at hand: a person's trailers, as header lines.
    trailers: Mutex<Option<Bytes>>,
    /// There are some: what every write looks at.
    trailing: AtomicBool,
    /// The head of the answer at hand leaves without its Date.
    dateless: AtomicBool,
    /// What is said before the answer at hand.
    pub interims: Interims,
}

impl Heads {
    pub fn push(&self, exchange: u32, head: Bytes, since: Stamp) {
        self.queue.lock().push_back((exchange, head, since));
    }

    pub fn pop(&self) -> Option<Waits> {
        self.queue.lock().pop_front()
    }

    /// Whether an exchange waits behind the one that is being answered.
    pub fn has(&self, exchange: u32) -> bool {
        self.queue.lock().iter().any(|(number, ..)| *number == exchange)
    }

    pub fn each(&self, mut look: impl FnMut(u32, &[u8], Stamp)) {
        self.queue.lock().iter().for_each(|(number, head, since)| look(*number, head, *since));
    }

    /// hyper writes trailers only for those who said `TE: trailers`, and only those that the head announced.
    /// Ours are a person's wish: they leave where the last chunk passes.
    pub fn set_trailers(&self, fields: &[(http::HeaderName, http::HeaderValue)]) {
        let mut lines = Vec::new();
        for (name, value) in fields {
            lines.extend_from_slice(name.as_str().as_bytes());
            lines.extend_from_slice(b": ");
            lines.extend_from_slice(value.as_bytes());
            lines.extend_from_slice(b"\r\n");
        }
        *self.trailers.lock() = Some(lines.into());
        self.trailing.store(true, Relaxed);
    }

    pub fn take_trailers(&self) -> Option<Bytes> {
        if !self.trailing.swap(false, Relaxed) {
            return None;
        }
        self.trailers.lock().take()
    }

    /// The answer at hand leaves without the Date that hyper gives it.
    pub fn leave_out_date(&self) {
        self.dateless.store(true, Relaxed);
    }

    pub fn takes_date(&self) -> bool {
        self.dateless.swap(false, Relaxed)
    }

    pub fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Relaxed);
    }

    /// Whether the next response follows at once.
    pub fn more(&self) -> bool {
        !self.busy.load(Relaxed) && !self.queue.lock().is_empty()
    }
}

/// Requests of HTTP/2 that nobody has begun to answer: more than it lets a client open at once.
const QUEUE: usize = 1024;

/// HTTP/2 has requests that are refused before anybody is asked for an answer.
impl Heads {
    /// The same as [`Heads::push`], for those that nobody may ever take.
    pub fn offer(&self, exchange: u32, head: Bytes, since: Stamp) {
        let mut queue = self.queue.lock();
        if queue.len() == QUEUE {
            queue.pop_front();
        }
        queue.push_back((exchange, head, since));
    }

    /// The exchange is over.
    pub fn forget(&self, exchange: u32) {
        self.queue.lock().retain(|(number, ..)| *number != exchange);
    }

    /// Lets go of those that were refused before the first that fits.
    pub fn align(&self, fits: impl Fn(&[u8]) -> bool) {
        let mut queue = self.queue.lock();
        if let Some(first) = queue.iter().position(|(_, head, _)| fits(head)) {
            queue.drain(..first);
        }
    }
}

/// See the module.
pub struct Exchanges<N> {
    requests: Decoder,
    responses: Decoder,
    book: Book<N>,
}

impl<N: Watch> Exchanges<N> {
    /// `limit` bounds a head in bytes. `follower` sees what comes after a 101.
    pub fn new(role: Role, record: Recorder, limit: usize, follower: N) -> Self {
        let way = if role == Role::Listen { Way::In } else { Way::Out };
        Self {
            requests: Decoder::new(Half::Requests, limit),
            responses: Decoder::new(Half::Responses, limit),
            book: Book::new(record, way, follower),
        }
    }

    /// For one who answers 101: what follows a request for an upgrade is held until it is answered.
    pub fn upgrading(mut self) -> Self {
        self.requests = self.requests.holding_upgrades();
        self.book.handshake = Some(Default::default());
        self
    }

    /// The heads of the request and of the 101 that answered it, as they were on the wire.
    pub fn handshake(&mut self) -> [Vec<u8>; 2] {
        self.book.handshake.take().unwrap_or_default()
    }

    /// Refuses requests with a body of more than `most` bytes.
    pub fn limiting(mut self, most: u64) -> Self {
        self.requests = self.requests.limiting(most);
        self
    }

    /// What the preface of HTTP/2 is here.
    pub fn opening(mut self, preface: Preface) -> Self {
        self.requests = self.requests.opening(preface);
        self
    }

    /// Also keeps the heads of the requests, for whoever takes them out of there.
    pub fn keeping(mut self, heads: Arc<Heads>) -> Self {
        self.book.heads = Some(heads);
        self
    }

    /// Whether the connection speaks another protocol by now.
    pub fn tunnelled(&self) -> bool {
        self.book.tunnelled
    }

    pub fn follower(&mut self) -> &mut N {
        &mut self.book.follower
    }

    /// Why what the peer sent is not HTTP. As a server this is for the owner to answer.
    pub fn refused(&self) -> Option<&Reason> {
        self.incoming().refused()
    }

    /// The decoder of what the peer sends.
    pub fn incoming(&self) -> &Decoder {
        if self.book.way == Way::In { &self.requests } else { &self.responses }
    }

    /// Takes nothing more of what the peer sends, for a reason found elsewhere.
    pub fn refuse(&mut self, reason: Reason) {
        let before = self.refused().is_some();
        if self.book.way == Way::In {
            self.requests.refuse(reason)
        } else {
            self.responses.refuse(reason)
        }
        self.complain(before);
    }

    /// Whether the peer has ended.
    pub fn peer_ended(&self) -> bool {
        self.book.ended
    }

    /// How the connection ended, if reading or writing failed.
    pub fn failure(&self) -> Option<End> {
        self.book.failed.clone()
    }

    /// Whether every request has its whole response, but for one that was refused.
    pub fn settled(&self) -> bool {
        self.book.waiting.iter().all(Open::is_refused) && self.book.response.is_none()
    }

    /// As a server: nothing more is answered, but what was refused.
    pub fn give_up(&mut self, by: Party) {
        self.book.give_up(by, false);
    }

    /// How many requests there were.
    pub fn count(&self) -> u32 {
        self.book.count
    }

    /// How many final responses have begun.
    pub fn answered(&self) -> u32 {
        self.book.answered
    }

    /// Why no request follows, if that is known.
    pub fn last(&self) -> Option<(Way, Why)> {
        self.book.last
    }

    /// What the response at hand said before it: 100 Continue, and the like.
    pub fn continued(&self) -> bool {
        self.book.continued
    }

    /// What is told of the exchanges beside the timeline.
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.book.table)
    }

    /// As a server: whether the next byte that is written begins an answer to a request of HTTP/1.1.
    pub fn answers_begin(&self) -> bool {
        let whole = self.responses.between_messages() && !self.responses.within_head();
        whole && self.book.response.is_none() && self.book.waiting.front().is_some_and(Open::takes_hints)
    }

    /// Where the last response points, once.
    pub fn take_pointer(&mut self) -> Option<Pointer> {
        self.book.pointer.take()
    }

    /// The owner, a client, does not send a body because it was answered before it was asked for.
    pub fn say_unsent(&mut self) {
        self.book.say_last(self.book.way, self.book.count, Some(Why::Unsent));
    }

    /// Since when nothing is asked, if nothing is and nothing waits for its answer.
    pub fn idle_since(&self) -> Option<Instant> {
        (self.settled() && !self.book.tunnelled && !self.incoming().within_head() && self.requests.between_messages())
            .then(|| self.book.free())
    }

    /// The owner ends the connection because nothing was asked for so long.
    pub fn idle_out(&mut self) {
        self.book.say_last(self.book.back(), self.book.count, Some(Why::Idle));
    }

    /// As a server: whether what was refused can have an answer of its own, once those before it have theirs.
    fn deserves_answer(&self) -> bool {
        let ours = self.book.last.is_some_and(|(way, _)| way != self.book.way);
        let begun = !self.requests.between_messages() && self.book.is_answering();
        !ours && !begun && !self.book.tunnelled
    }

    /// Whether that may be sent now: no answer is half-way, and none is owed to a request before it.
    pub fn answerable(&self) -> bool {
        // Its own request waits too, where that was whole enough to be one.
        let own = !self.requests.between_messages()
            || self.requests.has_told()
            || matches!(self.refused(), Some(Reason::Other(_)));
        self.book.response.is_none() && self.book.waiting.len() <= usize::from(own) && self.deserves_answer()
    }

    /// The owner drops the connection instead of an answer, for a rule wants it so.
    pub fn drop_out(&mut self) {
        let exchange = self.book.waiting.front().map_or(self.book.count, Open::exchange);
        self.book.say_last(self.book.back(), exchange, Some(Why::Rule));
    }

    fn pass(&mut self, way: Way, bytes: &[u8]) {
        if self.book.tunnelled {
            self.book.follow(way, bytes);
            return;
        }
        self.book.now = Instant::now();
        self.book.stamp = self.book.record.stamp(self.book.now.into_std());
        // What is the follower's is counted there, and what is undecided when it is decided.
        let mut ours = bytes.len();
        if way == self.book.way {
            let before = self.requests.undecided();
            if way == Way::In || self.requests.refused().is_none() || self.anew() {
                self.requests.feed(bytes, &mut Requests(&mut self.book));
                self.tell_unread();
            } else {
                self.book.wrote_on(bytes.len() as u64, bytes);
            }
            ours -= self.requests.undecided() - before;
            if self.requests.within_head() {
                self.book.began.get_or_insert(self.book.now);
            }
        } else {
            self.responses.feed(bytes, &mut Responses(&mut self.book));
            ours -= std::mem::take(&mut self.book.behind);
            self.book.show_open();
            self.settle();
        }
        self.book.record.clear(way, ours);
    }

    /// Whether what a client wrote that is no HTTP has its answer: what follows it is looked at anew.
    fn anew(&mut self) -> bool {
        let anew = self.settled();
        if anew {
            self.requests.begin();
        }
        anew
    }

    /// Tells what a client wrote just now, and is no HTTP: on the timeline it is a request, or part of one.
    fn tell_unread(&mut self) {
        if self.book.way == Way::In || self.requests.refused().is_none() {
            return;
        }
        let (size, kept) = self.requests.rejected();
        match self.requests.between_messages() && !self.requests.has_told() {
            true => self.book.wrote(size, kept),
            false if size > 0 => self.book.wrote_on(size, kept),
            false => {}
        }
    }

    /// What a response decides about the bytes behind its request.
    fn settle(&mut self) {
        let sink = &mut Requests(&mut self.book);
        if sink.0.tunnelled {
            self.requests.switch(sink);
        } else if sink.0.waiting.is_empty() && self.requests.undecided() > 0 {
            let before = self.requests.undecided();
            self.requests.decide(sink);
            self.book.record.clear(self.book.way, before - self.requests.undecided());
        } else if sink.0.waiting.is_empty() {
            self.requests.decide(sink);
        }
    }

    fn finish(&mut self, way: Way) {
        if way == self.book.way {
            let before = self.requests.refused().is_some();
            self.requests.finish(&mut Requests(&mut self.book));
            if !before && self.requests.between_messages() {
                self.tell_unread();
            }
        } else {
            self.responses.finish(&mut Responses(&mut self.book));
        }
        self.book.record.ended(way);
    }

    /// Says what is wrong with what the peer sent, when it is seen: an answer may have to wait for those before it.
    /// The preface is nobody's error.
    fn complain(&mut self, before: bool) {
        let client = self.book.way == Way::Out;
        let Some(reason) = self.refused().filter(|_| !before) else { return };
        if *reason == Reason::Preface {
            return;
        }
        let answers = !client && self.deserves_answer();
        let fault = Box::new(reason.fault(answers));
        let decoder = self.incoming();
        let next = decoder.between_messages() && !decoder.has_told();
        let exchange = if next && !answers { 0 } else { self.book.at_hand(next) };
        if !client && !next {
            self.book.refuse(exchange);
        }
        let decoder = self.incoming();
        let kind = if client { Kind::Error(fault) } else { Kind::ClientError(fault, exchange) };
        let (size, kept) = decoder.rejected();
        self.book.record.payload_head(kind, size, kept);
    }
}

impl<N: Watch> Watch for Exchanges<N> {
    fn read(&mut self, bytes: &[u8]) {
        let before = self.refused().is_some();
        self.pass(Way::In, bytes);
        self.complain(before);
    }

    fn wrote(&mut self, bytes: &[u8]) {
        self.pass(Way::Out, bytes);
    }

    fn ended(&mut self) {
        self.book.ended = true;
        self.book.leaver.get_or_insert(Party::Peer);
        if self.book.tunnelled {
            return self.book.follower.ended();
        }
        let before = self.refused().is_some();
        self.finish(Way::In);
        if self.book.way == Way::Out && !self.settled() {
            self.responses.refuse(Reason::Cut("an exchange"));
        }
        self.complain(before);
    }

    fn shut(&mut self) {
        self.book.leaver.get_or_insert(Party::Us);
        if self.book.tunnelled {
            return self.book.follower.shut();
        }
        self.finish(Way::Out);
    }

    fn failed(&mut self, op: Op, error: &io::Error) {
        let end = self.book.failed.get_or_insert_with(|| errno::end(op, error));
        self.book.leaver = self.book.leaver.or(end.by());
        if self.book.tunnelled {
            return self.book.follower.failed(op, error);
        }
        wire::failed(&self.book.record, op, error);
    }

    fn waiting(&mut self, bytes: usize, cx: &mut Context<'_>) {
        if self.book.tunnelled {
            self.book.follower.waiting(bytes, cx);
        }
    }
}
