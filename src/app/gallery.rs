//! The bad certificates a listener can be made to show, as lines of the command list.

use super::action::{ACTIONS, Action};
use super::palette::Found;
use super::{App, Effect};
use crate::model::id::{EndpointId, Subject};
use crate::model::setting;
use crate::model::setting::text::Text;
use crate::model::setting::tls::{Flaw, Source};
use crate::model::url::Role;

/// Endpoints whose certificate before the gallery is remembered: more than anyone plays with.
const MOST: usize = 64;

impl App {
    /// The gallery, and the way out of it where the endpoint is in it.
    pub(super) fn gallery(&self) -> Vec<Found> {
        let Some(row) = ACTIONS.iter().find(|row| row.action == Action::Gallery) else { return Vec::new() };
        let line = |label, help, value| Found { help, certificate: Some(value), ..Found::action(row, label) };
        let back = self.shown().filter(|(_, source)| source.flaw().is_some()).map(|(id, _)| {
            let before = self.good.get(&id).cloned().unwrap_or_default();
            line("good again", "The certificate from before the gallery.", before)
        });
        let bad = Flaw::ALL.into_iter().map(|flaw| line(flaw.value(), flaw.help(), flaw.value().to_owned()));
        back.into_iter().chain(bad).collect()
    }

    /// The secure listener the keys are about, and what it shows.
    fn shown(&self) -> Option<(EndpointId, &Source)> {
        let row = self.endpoint()?;
        let is_secure = row.spec.role == Role::Listen && row.spec.comes_to_tls();
        is_secure.then_some((row.id, &row.spec.settings.tls.certificate))
    }

    pub(super) fn no_gallery(&self) -> Option<&'static str> {
        match self.shown() {
            Some(_) => None,
            None => Some("bad certificates are for listeners over TLS: select one of tls, https or wss"),
        }
    }

    pub(super) fn show_certificate(&mut self, value: String) -> Vec<Effect> {
        let Some((id, before)) = self.shown().map(|(id, source)| (id, source.clone())) else { return Vec::new() };
        if before.flaw().is_none() {
            self.good.insert(id, before.write());
            if self.good.len() > MOST {
                self.good.pop_first();
            }
        }
        let row = setting::find("certificate");
        row.map(|row| Effect::Set { subject: Subject::Endpoint(id), changes: vec![(row, value)] }).into_iter().collect()
    }
}
