//! The settings of one socket while it runs: what a person changes is stored, applied to the kernel's side
//! where it belongs there, shown on the details page and told on the timeline.

use std::sync::Arc;

use super::errno;
use super::kernel::Handle;
use crate::hub::Recorder;
use crate::model::end::Op;
use crate::model::event::{Change, Kind};
use crate::model::setting::Row;
use crate::model::setting::tcp::Tcp;
use crate::model::spec::{Settings, Spec};

/// See the module. A protocol's loop hands it [`super::Command::Set`] and then looks at its settings.
pub struct Tune {
    spec: Arc<Spec>,
    /// Once one of them was changed: 10,000 sockets share their endpoint's until then.
    own: Option<Arc<Settings>>,
    record: Recorder,
    kernel: Handle,
}

impl Tune {
    pub fn new(spec: Arc<Spec>, record: Recorder, kernel: Handle) -> Self {
        let tune = Self { spec, own: None, record, kernel };
        tune.apply(&Tcp::untouched());
        tune
    }

    pub fn kernel(&self) -> &Handle {
        &self.kernel
    }

    pub fn settings(&self) -> &Settings {
        self.own.as_deref().unwrap_or(&self.spec.settings)
    }

    /// Changes one setting. It was checked where it was asked for; one that is wrong all the same changes nothing.
    pub fn set(&mut self, row: &'static Row, text: &str) {
        let mut settings = self.settings().clone();
        if (row.set)(&mut settings, text).is_err() {
            return;
        }
        let value = (row.get)(&settings).into();
        let settings = Arc::new(settings);
        self.record.settings(Arc::clone(&settings));
        self.record.event(Kind::Set(Box::new(Change { name: row.name, value })));
        let before = self.settings().tcp.clone();
        self.own = Some(settings);
        self.apply(&before);
    }

    /// Gives the kernel and the watch of the wire their parts; `before` is what the kernel has.
    fn apply(&self, before: &Tcp) {
        let settings = self.settings();
        self.kernel.set_silence(settings.timeout);
        self.kernel.set_linger(settings.tcp.linger.time());
        if let Err(error) = self.kernel.tune(before, &settings.tcp) {
            self.record.error(errno::fault(Op::Set, &error));
        }
    }
}
