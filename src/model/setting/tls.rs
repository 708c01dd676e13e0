//! What the TLS side of an endpoint can be set to.

use std::path::PathBuf;

use super::text::{Text, put};
use super::{Live, Look, Row, always};
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
}

fn client(role: Role, scheme: Scheme) -> bool {
    role == Role::Connect && scheme.is_secure()
}

pub const ROWS: &[Row] = &[
    Row {
        name: "insecure",
        look: Look::Switch,
        live: Live::Restart,
        fits: client,
        elsewhere: "insecure is for clients over TLS: connect to tls://, https:// or wss://",
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
        elsewhere: "ca is for clients over TLS: connect to tls://, https:// or wss://",
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
        elsewhere: "server_name is for clients over TLS: connect to tls://, https:// or wss://",
        when: always,
        help: "the name to ask for (SNI) and to verify, if not the URL's host",
        get: |settings| settings.tls.server_name.write(),
        set: |settings, text| put(&mut settings.tls.server_name, text),
    },
];
