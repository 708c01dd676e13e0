//! The two watches every stream has: [`Wire`] counts what crossed the network and sees writes that wait;
//! [`Chunks`] records the clear side of TCP and TLS.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::errno;
use super::kernel::Handle;
use super::probe::Watch;
use super::tls::Astray;
use crate::hub::Recorder;
use crate::model::end::{Fault, Op};
use crate::model::event::{Kind, Way};
use crate::model::time::nanos;
use crate::model::url::{Role, Scheme};

/// A write that waits this long is worth a line: shorter waits are how any busy stream breathes.
const WORTH_A_LINE: Duration = Duration::from_millis(50);

/// Around the TCP stream: wire bytes, `blocked` / `drain`, and `timeout` where one is set.
pub struct Wire {
    record: Recorder,
    /// Knows the silence that is to be told, which may change at any time.
    kernel: Handle,
    silence: Option<Silence>,
    wait: Option<Wait>,
    /// Kept between waits, so that a busy stream allocates its timer once.
    timer: Option<Pin<Box<Sleep>>>,
}

struct Wait {
    since: Instant,
    said: bool,
    /// The most bytes that waited at once.
    bytes: usize,
}

/// How long nothing has crossed, in either direction.
struct Silence {
    most: Duration,
    since: Instant,
    /// Told once: the next one begins with the next byte.
    told: bool,
    timer: Pin<Box<Sleep>>,
}

impl Silence {
    fn new(most: Duration) -> Self {
        Self { most, since: Instant::now(), told: false, timer: Box::pin(tokio::time::sleep(most)) }
    }
}

impl Wire {
    /// `kernel` says how long nothing may cross until that is told.
    pub fn new(record: Recorder, kernel: Handle) -> Self {
        let silence = kernel.silence().map(Silence::new);
        Self { record, kernel, silence, wait: None, timer: None }
    }

    fn crossed(&mut self) {
        if let Some(silence) = &mut self.silence {
            silence.since = Instant::now();
            if std::mem::take(&mut silence.told) {
                // It has run out, and nobody polls it but for its wake-up.
                silence.timer.as_mut().reset(silence.since + silence.most);
            }
        }
    }

    /// Looks whether it has been silent for as long as is told of.
    fn listen(&mut self, cx: &mut Context<'_>) {
        let most = self.kernel.silence();
        if most != self.silence.as_ref().map(|silence| silence.most) {
            // As Node's `setTimeout`: it begins anew when it is set.
            self.silence = most.map(Silence::new);
        }
        let Some(silence) = self.silence.as_mut().filter(|silence| !silence.told) else { return };
        while silence.timer.as_mut().poll(cx).is_ready() {
            let due = silence.since + silence.most;
            if Instant::now() >= due {
                silence.told = true;
                self.record.event(Kind::Timeout { idle: nanos(silence.since.elapsed()) });
                return;
            }
            // Something has crossed since it was set.
            silence.timer.as_mut().reset(due);
        }
    }
}

impl Watch for Wire {
    fn read(&mut self, bytes: &[u8]) {
        self.record.wire(Way::In, bytes.len());
        self.crossed();
    }

    fn idle(&mut self, cx: &mut Context<'_>) {
        self.listen(cx);
    }

    fn wrote(&mut self, bytes: &[u8]) {
        self.record.wire(Way::Out, bytes.len());
        self.crossed();
        if let Some(wait) = self.wait.take().filter(|wait| wait.said) {
            let (blocked, waited) = (nanos(wait.since.elapsed()), wait.bytes as u64);
            self.record.event(Kind::Drain { blocked, waited });
        }
    }

    fn waiting(&mut self, bytes: usize, cx: &mut Context<'_>) {
        // A peer that does not read is silent too, also to one who has stopped reading.
        self.listen(cx);
        let Some(wait) = &mut self.wait else {
            let since = Instant::now();
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(WORTH_A_LINE)));
            timer.as_mut().reset(since + WORTH_A_LINE);
            self.wait = Some(Wait { since, said: false, bytes });
            // Polled so that it wakes the task that writes.
            let _ = timer.as_mut().poll(cx);
            return;
        };
        wait.bytes = wait.bytes.max(bytes);
        let due = self.timer.as_mut().is_some_and(|timer| !wait.said && timer.as_mut().poll(cx).is_ready());
        if due {
            wait.said = true;
            self.record.event(Kind::Blocked { waiting: bytes as u64 });
        }
    }
}

/// Above TLS, or right on TCP: `data`, `write`, `end`, `error`.
pub struct Chunks {
    record: Recorder,
    /// On a plain connection: tells when the peer speaks TLS.
    astray: Option<Astray>,
}

impl Chunks {
    pub fn new(record: Recorder) -> Self {
        Self { record, astray: None }
    }

    pub fn plain(record: Recorder, role: Role) -> Self {
        let astray = Astray::new(record.clone(), role, Scheme::Tcp);
        Self { record, astray: Some(astray) }
    }
}

impl Watch for Chunks {
    fn read(&mut self, bytes: &[u8]) {
        if let Some(astray) = &mut self.astray {
            astray.read(bytes);
        }
        self.record.payload(Kind::Data, bytes);
    }

    fn wrote(&mut self, bytes: &[u8]) {
        self.record.payload(Kind::Write, bytes);
    }

    fn ended(&mut self) {
        self.record.ended(Way::In);
    }

    fn shut(&mut self) {
        self.record.ended(Way::Out);
    }

    fn failed(&mut self, op: Op, error: &io::Error) {
        failed(&self.record, op, error);
    }
}

/// An error of a stream, as a line on its timeline.
pub fn failed(record: &Recorder, op: Op, error: &io::Error) {
    tell(record, errno::fault(op, error));
}

/// The same, its fault already made.
pub fn tell(record: &Recorder, fault: Fault) {
    match fault {
        tls @ Fault::Tls { .. } => record.event(Kind::TlsError(Box::new(tls))),
        fault => record.error(fault),
    }
}
