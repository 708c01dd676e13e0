//! Changing settings of what runs: the endpoint's spec, and what its open sockets have of it.

use std::fmt::Display;
use std::sync::Arc;

use super::{Endpoints, Running, deliver};
use crate::model::draft::Rejection;
use crate::model::event::{self, Kind};
use crate::model::id::{EndpointId, SocketId, Subject};
use crate::model::setting::{self, Change, Live, Row};
use crate::model::spec::{Reply, Spec};
use crate::model::url::{Role, Scheme};
use crate::net::{Command, Letter};

impl Endpoints {
    /// Changes what a listener answers, from the next answer on.
    ///
    /// # Errors
    /// There is no such endpoint.
    pub fn set_reply(&self, id: EndpointId, reply: Reply) -> Result<(), Rejection> {
        let mut running = self.running.lock();
        let endpoint = running.get_mut(&id).ok_or_else(|| nobody(id))?;
        let mut spec = (*endpoint.spec).clone();
        spec.settings.reply = reply;
        self.put(id, endpoint, Arc::new(spec));
        Ok(())
    }

    /// The spec of an endpoint, for whoever looks at it from now on.
    fn put(&self, id: EndpointId, endpoint: &mut Running, spec: Arc<Spec>) {
        endpoint.spec = Arc::clone(&spec);
        endpoint.now.send_replace(Arc::clone(&spec));
        self.hub.set_spec(id, spec);
    }

    /// Changes one setting: see [`Self::set_all`].
    ///
    /// # Errors
    /// As there.
    pub fn set(&self, subject: Subject, row: &'static Row, text: &str) -> Result<(), Rejection> {
        self.set_all(subject, &[(row, text.to_owned())])
    }

    /// Changes settings of an endpoint (and of its open sockets, where that can be done at once) or of one socket: all
    /// of them or, of an endpoint's, none.
    ///
    /// # Errors
    /// A setting has no meaning here, a text is wrong, the socket has no such setting of its own, or what a listener
    /// would show or want over TLS cannot be had. The sentence begins with the setting's name where it is about one.
    pub fn set_all(&self, subject: Subject, changes: &[Change]) -> Result<(), Rejection> {
        match subject {
            Subject::Endpoint(id) => self.set_endpoint(id, changes),
            Subject::Socket(id) => changes.iter().try_for_each(|(row, text)| self.set_socket(id, row, text)),
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

    fn set_endpoint(&self, id: EndpointId, changes: &[Change]) -> Result<(), Rejection> {
        let spec = {
            let mut running = self.running.lock();
            let endpoint = running.get_mut(&id).ok_or_else(|| nobody(id))?;
            let mut spec = (*endpoint.spec).clone();
            for (row, text) in changes {
                if !(row.fits)(spec.role, spec.scheme()) {
                    return Err(Rejection(row.elsewhere.into()));
                }
                let is_new = row.is_for_new_alone(&spec.settings);
                (row.set)(&mut spec.settings, text).map_err(Rejection)?;
                let is_udp = spec.scheme() == Scheme::Udp;
                if is_udp && row.is_for_new_alone(&spec.settings) && !is_new && self.hub.is_running(id) {
                    return Err(Rejection(format!("{}; stop it first", stuck(id, row))));
                }
            }
            spec.check().map_err(|(_, text)| Rejection(text))?;
            let spec = Arc::new(spec);
            let log = endpoint.log.clone();
            // Told before anybody goes by it.
            let mut change = || {
                for (row, _) in changes {
                    let value = (row.get)(&spec.settings).into();
                    endpoint.log.event(Kind::Set(Box::new(event::Change { name: row.name, value })));
                }
                self.put(id, endpoint, Arc::clone(&spec));
            };
            let is_tls = spec.role == Role::Listen && changes.iter().any(|(row, _)| setting::tls::ROWS.contains(row));
            // One that does not run reads everything when it starts, and says so then.
            if is_tls && self.hub.is_running(id) {
                let done = self.servers.change((id, &log), &self.identity, Arc::clone(&spec), change);
                done.map_err(|fault| Rejection(fault.to_string()))?;
            } else {
                change();
            }
            for (row, text) in changes {
                if let (Some(mail), Live::Endpoint | Live::Now) = (&endpoint.mail, row.live) {
                    // Whoever runs the endpoint as a whole (UDP) reads it; where nobody does there is nothing to do.
                    let _ = deliver(mail, Letter { socket: None, command: Command::Set(row, text.clone()) });
                }
            }
            spec
        };
        for (row, text) in changes {
            if row.live == Live::Now && spec.scheme() != Scheme::Udp && !row.is_for_new_alone(&spec.settings) {
                for socket in self.hub.open_sockets(id) {
                    // One that does not read its mail is told by nobody else either: it keeps what it has.
                    let _ = self.mail.send(socket, Command::Set(row, text.clone()));
                }
            }
        }
        if changes.iter().any(|(row, _)| row.live == Live::Restart) && self.hub.is_running(id) {
            self.start(id);
        }
        Ok(())
    }
}

fn nobody(id: EndpointId) -> Rejection {
    Rejection(format!("there is no endpoint {id}"))
}

/// Why a buffer of an open socket stays as large as it was set.
fn stuck(who: impl Display, row: &Row) -> String {
    format!("{who} keeps its {}: the kernel takes another size, and no way back to its own", row.name)
}
