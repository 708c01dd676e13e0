//! A TLS handshake as it went, for those who ask afterwards: what crossed and when, what was offered and what was
//! chosen, the certificates that were shown, how it came out. Also when it failed: then it is looked for most.

use std::sync::Arc;

use super::end::Fault;
use super::event::Kind;
use super::time::Stamp;
use super::tls::{Answer, Certificate, Hello, Record, Secured};
use super::url::Role;

/// Steps that are kept: a handshake with a second hello, tickets and alerts has twelve; a peer may renew its keys
/// for ever.
pub const STEPS: usize = 32;

/// Records of each direction that are kept: more than a handshake has.
pub const RECORDS: usize = 32;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handshake {
    /// Which side we are: a listener is the server.
    pub role: Role,
    /// When its first byte crossed.
    pub began: Option<Stamp>,
    /// What crossed and when, as the timeline tells it: hellos, flights, tickets, alerts. At most [`STEPS`].
    pub steps: Vec<Crossed>,
    pub choice: Choice,
    /// The peer's certificates, its own first, and, where the handshake failed, ours.
    pub chains: [Arc<[Certificate]>; 2],
    /// The first records, in and out: at most [`RECORDS`].
    pub records: [Vec<Record>; 2],
    pub outcome: Outcome,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crossed {
    pub at: Stamp,
    /// Some of it was encrypted.
    pub sealed: bool,
    pub kind: Kind,
}

/// What a server tells of its choices behind its hello, encrypted in TLS 1.3.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    pub group: Option<Box<str>>,
    /// The signature scheme of its proof.
    pub scheme: Option<Box<str>>,
    pub alpn: Option<Box<str>>,
    pub extensions: Vec<Box<str>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Pending,
    Done {
        at: Stamp,
        secured: Arc<Secured>,
    },
    /// `terms` are ours, where we are the server.
    Failed {
        at: Stamp,
        fault: Arc<Fault>,
        terms: Option<Arc<Terms>>,
    },
}

/// What a server takes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    pub versions: Vec<Box<str>>,
    pub ciphers: Vec<Box<str>>,
    pub groups: Vec<Box<str>>,
    pub schemes: Vec<Box<str>>,
    pub alpn: Vec<Box<str>>,
}

/// One thing the two sides had to agree on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    pub name: &'static str,
    /// By the client, best first.
    pub offered: Vec<Box<str>>,
    /// By the server.
    pub chosen: Vec<Box<str>>,
    /// What the server would have taken, where that is known: of a listener of ours that refused.
    pub taken: Option<Vec<Box<str>>>,
}

impl Topic {
    /// The server said what it takes, and nothing of it was offered.
    pub fn is_hopeless(&self) -> bool {
        let taken = self.taken.as_deref().unwrap_or_default();
        self.chosen.is_empty() && !taken.is_empty() && !taken.iter().any(|name| self.offered.contains(name))
    }
}

impl Default for Handshake {
    fn default() -> Self {
        Self {
            role: Role::Listen,
            began: None,
            steps: Vec::new(),
            choice: Choice::default(),
            chains: [Arc::from([]), Arc::from([])],
            records: <[Vec<Record>; 2]>::default(),
            outcome: Outcome::Pending,
        }
    }
}

impl Handshake {
    pub fn keep(&mut self, at: Stamp, sealed: bool, kind: Kind) {
        if self.steps.len() < STEPS {
            self.steps.push(Crossed { at, sealed, kind });
        }
    }

    /// What the client offered: its last hello.
    pub fn hello(&self) -> Option<&Hello> {
        self.steps.iter().rev().find_map(|step| match &step.kind {
            Kind::ClientHello(hello) => Some(&**hello),
            _ => None,
        })
    }

    /// What the server chose; a retry is a wish.
    pub fn answer(&self) -> Option<&Answer> {
        self.steps.iter().rev().find_map(|step| match &step.kind {
            Kind::ServerHello(answer) if !answer.retry => Some(&**answer),
            _ => None,
        })
    }

    pub fn secured(&self) -> Option<&Secured> {
        match &self.outcome {
            Outcome::Done { secured, .. } => Some(secured),
            _ => None,
        }
    }

    /// The peer's certificates: those that crossed, or of a resumed session those that are remembered.
    pub fn peers_chain(&self) -> &[Certificate] {
        let remembered = self.secured().map_or(&[][..], |secured| &secured.chain);
        if self.chains[0].is_empty() { remembered } else { &self.chains[0] }
    }

    /// The name the peer's certificate has to be for.
    pub fn asked(&self) -> Option<&str> {
        self.hello().filter(|_| self.role == Role::Connect).and_then(|hello| hello.server_name.as_deref())
    }

    /// What was offered and what was chosen, side by side; nothing before a hello.
    pub fn topics(&self) -> Vec<Topic> {
        let Some(hello) = self.hello() else { return Vec::new() };
        let (answer, secured, choice) = (self.answer(), self.secured(), &self.choice);
        let terms = match &self.outcome {
            Outcome::Failed { terms, .. } => terms.as_deref(),
            _ => None,
        };
        let one = |name: Option<&Box<str>>| name.cloned().into_iter().collect::<Vec<_>>();
        let topic = |name, offered: &[Box<str>], chosen, taken: fn(&Terms) -> &Vec<Box<str>>| Topic {
            name,
            offered: offered.to_vec(),
            chosen,
            taken: terms.map(taken).cloned(),
        };
        let group = answer.and_then(|answer| answer.group.as_ref()).or(choice.group.as_ref());
        let alpn = answer.and_then(|answer| answer.alpn.as_ref()).or(choice.alpn.as_ref());
        let agreed = |of: fn(&Secured) -> Option<&Box<str>>| secured.and_then(of);
        let told = answer.into_iter().flat_map(|answer| &answer.extensions).chain(&choice.extensions);
        vec![
            Topic { name: "SNI", offered: one(hello.server_name.as_ref()), chosen: Vec::new(), taken: None },
            topic("versions", &hello.versions, one(answer.map(|answer| &answer.version)), |terms| &terms.versions),
            topic("ALPN", &hello.alpn, one(alpn.or_else(|| agreed(|it| it.alpn.as_ref()))), |terms| &terms.alpn),
            topic("groups", &hello.groups, one(group.or_else(|| agreed(|it| it.group.as_ref()))), |terms| {
                &terms.groups
            }),
            topic("ciphers", &hello.ciphers, one(answer.map(|answer| &answer.cipher)), |terms| &terms.ciphers),
            topic("signatures", &hello.schemes, one(choice.scheme.as_ref()), |terms| &terms.schemes),
            Topic {
                name: "extensions",
                offered: hello.extensions.clone(),
                chosen: told.cloned().collect(),
                taken: None,
            },
        ]
    }
}

/// What speaks against a certificate of a chain by itself, at a time in seconds since 1970; `asked` is the name it
/// has to be for. Who signed it is for webpki to say: here stands what a person can see.
pub fn against(chain: &[Certificate], nth: usize, asked: Option<&str>, now: i64) -> Vec<String> {
    let Some(this) = chain.get(nth) else { return Vec::new() };
    let mut said = Vec::new();
    if let (words, false) = this.validity(now) {
        said.push(words);
    }
    if nth == 0 {
        if let Some(name) = asked.filter(|name| !this.is_for(name)) {
            said.push(format!("not for the name {name}"));
        }
        if this.is_ca {
            said.push("a CA's own certificate, shown as a peer's".into());
        }
    } else if !this.is_ca {
        said.push("signs the one below it and is no CA".into());
    }
    if chain.get(nth + 1).is_some_and(|next| next.subject != this.issuer) {
        said.push("the one shown behind it is not its issuer: the chain is out of order".into());
    }
    said
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
