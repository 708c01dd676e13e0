//! The multicast groups an endpoint is in: joined and left while it runs, each time with a line on its timeline.

use std::io;

use super::options::{self, member};
use super::port::Port;
use crate::model::datagram::{Membership, Note};
use crate::model::end::{Fault, Op};
use crate::model::multicast::{Join, Via};
use crate::net::errno;

#[derive(Default)]
pub struct Groups {
    joined: Vec<(Join, Membership)>,
}

impl Groups {
    /// Leaves what is no longer wanted and joins what is; what fails keeps nothing else from it. What there is to
    /// tell, in order.
    pub fn apply(&mut self, port: &Port, wanted: &[Join], usual: Option<&Via>) -> Vec<Result<Note, Fault>> {
        let mut told = Vec::new();
        let wanted: Vec<Join> = wanted
            .iter()
            .map(|join| Join { group: join.group, via: join.via.clone().or_else(|| usual.cloned()) })
            .collect();
        let socket = port.options();
        self.joined.retain(|(join, member_of)| {
            let stays = wanted.contains(join);
            if !stays {
                match member(&socket, join, false) {
                    Ok(()) => told.push(Ok(Note::Left(member_of.clone()))),
                    Err(error) => told.push(Err(errno::fault(Op::Leave, &error))),
                }
            }
            stays
        });
        for join in wanted {
            if self.joined.iter().any(|(known, _)| *known == join) {
                continue;
            }
            if let Err(text) = join.heard_at(port.local.ip()) {
                told.push(Err(Fault::Io { op: Op::Join, name: "unfit", text: text.into() }));
                continue;
            }
            match member(&socket, &join, true) {
                Ok(()) => {
                    let member_of = Membership { group: join.group, interface: named(&join) };
                    told.push(Ok(Note::Joined(member_of.clone())));
                    self.joined.push((join, member_of));
                }
                Err(error) => told.push(Err(fault(&join, &error))),
            }
        }
        told
    }

    pub fn names(&self) -> impl Iterator<Item = String> {
        self.joined.iter().map(|(_, told)| told.to_string())
    }
}

/// The interface's name, as far as it is known; else what the person wrote.
fn named(join: &Join) -> Option<Box<str>> {
    let via = join.via.as_ref()?;
    let name = options::index(via).ok().and_then(options::name);
    name.or_else(|| Some(via.to_string().into()))
}

fn fault(join: &Join, error: &io::Error) -> Fault {
    match errno::fault(Op::Join, error) {
        Fault::Io { op, name, text } => Fault::Io { op, name, text: format!("{join}: {text}").into() },
        fault => fault,
    }
}
