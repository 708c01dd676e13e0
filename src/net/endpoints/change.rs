//! Changing settings of what runs: the endpoint's spec, and what its open sockets have of it.

use std::fmt::Display;
use std::sync::Arc;

use super::{Endpoints, deliver};
use crate::model::draft::Rejection;
use crate::model::event::{Change, Kind};
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::setting::{Live, Row};
use crate::model::spec::{Reply, Settings, Spec};
use crate::model::url::Scheme;
use crate::net::{Command, Letter};

impl Endpoints {
    /// Changes what a listener answers, from the next answer on.
    ///
    /// # Errors
    /// There is no such endpoint.
    pub fn set_reply(&self, id: EndpointId, reply: Reply) -> Result<(), Rejection> {
        self.change(id, |settings| {
            settings.reply = reply;
            Ok(())
        })
    }

    /// Changes the spec of an endpoint for whoever looks at it from now on.
    fn change(
        &self,
        id: EndpointId,
        change: impl FnOnce(&mut Settings) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        let mut running = self.running.lock();
        let endpoint = running.get_mut(&id).ok_or_else(|| Rejection(format!("there is no endpoint {id}")))?;
        let mut spec = (*endpoint.spec).clone();
        change(&mut spec.settings)?;
        endpoint.spec = Arc::new(spec);
        endpoint.now.send_replace(Arc::clone(&endpoint.spec));
        self.hub.set_spec(id, Arc::clone(&endpoint.spec));
        Ok(())
    }

    /// Changes a setting of an endpoint (and of its open sockets, where that can be done at once) or of one socket.
    ///
    /// # Errors
    /// The setting has no meaning here, the text is wrong, or the socket has no such setting of its own.
    pub fn set(&self, subject: Subject, row: &'static Row, text: &str) -> Result<(), Rejection> {
        match subject {
            Subject::Endpoint(id) => self.set_endpoint(id, row, text),
            Subject::Socket(id) => self.set_socket(id, row, text),
        }
    }

    fn set_socket(&self, id: SocketId, row: &'static Row, text: &str) -> Result<(), Rejection> {
        let gone = || Rejection(format!("there is no socket {id}"));
        let endpoint = self.hub.endpoint_of(id).ok_or_else(gone)?;
        let spec = self.spec(endpoint).ok_or_else(gone)?;
        if !(row.fits)(spec.role, spec.scheme()) {
            return Err(Rejection(row.elsewhere.into()));
        }
        if !row.is_a_sockets(spec.scheme()) {
            return Err(Rejection(format!("{} is the endpoint's: set it on {endpoint}", row.name)));
        }
        let own = self.hub.settings(id).ok_or_else(gone)?;
        let mut settings = (*own).clone();
        (row.set)(&mut settings, text).map_err(Rejection)?;
        if row.is_for_new_alone(&settings) && !row.is_for_new_alone(&own) {
            return Err(Rejection(format!("{}; set on {endpoint} it is for new connections", stuck(id, row))));
        }
        self.command(id, Command::Set(row, text.into()))
    }

    fn set_endpoint(&self, id: EndpointId, row: &'static Row, text: &str) -> Result<(), Rejection> {
        let spec = self.spec(id).ok_or_else(|| Rejection(format!("there is no endpoint {id}")))?;
        if !(row.fits)(spec.role, spec.scheme()) {
            return Err(Rejection(row.elsewhere.into()));
        }
        let (is_udp, is_running) = (spec.scheme() == Scheme::Udp, self.hub.is_running(id));
        let mut value = String::new();
        self.change(id, |settings| {
            (row.set)(settings, text).map_err(Rejection)?;
            Spec { settings: settings.clone(), ..(*spec).clone() }.check().map_err(|(_, text)| Rejection(text))?;
            if is_udp && row.is_for_new_alone(settings) && !row.is_for_new_alone(&spec.settings) && is_running {
                return Err(Rejection(format!("{}; stop it first", stuck(id, row))));
            }
            value = (row.get)(settings);
            Ok(())
        })?;
        if let Some(endpoint) = self.running.lock().get(&id) {
            endpoint.log.event(Kind::Set(Box::new(Change { name: row.name, value: value.into() })));
            if let (Some(mail), Live::Endpoint | Live::Now) = (&endpoint.mail, row.live) {
                // Whoever runs the endpoint as a whole (UDP) reads it; where nobody does there is nothing to do.
                let _ = deliver(mail, Letter { socket: None, command: Command::Set(row, text.into()) });
            }
        }
        match row.live {
            Live::Restart if is_running => self.start(id),
            Live::Now if !is_udp && !self.spec(id).is_some_and(|spec| row.is_for_new_alone(&spec.settings)) => {
                for socket in self.hub.open_sockets(id) {
                    // One that does not read its mail is told by nobody else either: it keeps what it has.
                    let _ = self.mail.send(socket, Command::Set(row, text.into()));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Why a buffer of an open socket stays as large as it was set.
fn stuck(who: impl Display, row: &Row) -> String {
    format!("{who} keeps its {}: the kernel takes another size, and no way back to its own", row.name)
}
