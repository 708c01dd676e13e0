//! What the TLS side of an endpoint can be set to.

use std::path::PathBuf;

use super::text::{Text, put};
use super::{Live, Look, Row, always};
use crate::model::starttls::Starttls;
use crate::model::url::{Role, Scheme};

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tls {
    /// Do not end a connection whose server shows a bad certificate; the verdict is told.
    pub insecure: bool,
    /// A PEM file with the roots to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The name to ask for (SNI) and to verify, if not the URL's host.
    pub server_name: Option<String>,
    /// Where this side's secrets are appended, as `SSLKEYLOGFILE` has them.
    pub keylog: Option<PathBuf>,
    /// Whose lines lead a TCP connection from plain text to TLS.
    pub starttls: Starttls,
}

fn client(role: Role, scheme: Scheme) -> bool {
    role == Role::Connect && speaks(role, scheme)
}

/// TLS from the start, or from when a TCP connection is upgraded.
fn speaks(_: Role, scheme: Scheme) -> bool {
    scheme.is_secure() || scheme == Scheme::Tcp
}

pub const ROWS: &[Row] = &[
    Row {
        name: "insecure",
        look: Look::Switch,
        live: Live::Restart,
        fits: client,
        elsewhere: "insecure is for clients over TLS: connect to tls://, https:// or wss://, or to tcp:// with starttls",
        when: always,
        help: "connect although the server's certificate is bad; the verdict is told",
        get: |settings| settings.tls.insecure.write(),
        set: |settings, text| put(&mut settings.tls.insecure, text),
    },
    Row {
        name: "ca",
        look: Look::Line("ca.pem"),
        live: Live::Restart,
        fits: client,
        elsewhere: "ca is for clients over TLS: connect to tls://, https:// or wss://, or to tcp:// with starttls",
        when: always,
        help: "a PEM file with the roots to trust instead of the system's",
        get: |settings| settings.tls.ca.write(),
        set: |settings, text| put(&mut settings.tls.ca, text),
    },
    Row {
        name: "server_name",
        look: Look::Line("example.test"),
        live: Live::Restart,
        fits: client,
        elsewhere: "server_name is for clients over TLS: connect to tls://, https:// or wss://, or to tcp:// with starttls",
        when: always,
        help: "the name to ask for (SNI) and to verify, if not the URL's host",
        get: |settings| settings.tls.server_name.write(),
        set: |settings, text| put(&mut settings.tls.server_name, text),
    },
    Row {
        name: "starttls",
        look: Look::Choice(&Starttls::NAMES),
        live: Live::Next,
        fits: |_, scheme| scheme == Scheme::Tcp,
        elsewhere: "starttls is for tcp: its connections begin in plain text; tls speaks TLS from the start",
        when: always,
        help: "say these lines in plain text, then go on over TLS; with off T does it by hand",
        get: |settings| settings.tls.starttls.write(),
        set: |settings, text| put(&mut settings.tls.starttls, text),
    },
    Row {
        name: "keylog",
        look: Look::Line("keys.log"),
        live: Live::Next,
        fits: speaks,
        elsewhere: "keylog is for TLS: its secrets are appended to that file; here nothing is encrypted",
        when: always,
        help: "append each connection's secrets to this file (SSLKEYLOGFILE), for Wireshark",
        get: |settings| settings.tls.keylog.write(),
        set: |settings, text| put(&mut settings.tls.keylog, text),
    },
];
