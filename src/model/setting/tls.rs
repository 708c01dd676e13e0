//! What the TLS side of an endpoint can be set to. All of it holds from the next handshake on.

mod value;

use std::path::PathBuf;

pub use self::value::{CIPHERS, ClientAuth, Flaw, GROUPS, Sni, Source, Versions};
use self::value::{put_alpn, put_names};
use super::text::{Text, put};
use super::{Live, Look, Row, always};
use crate::model::starttls::Starttls;
use crate::model::url::{Role, Scheme};

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tls {
    /// Do not end a connection whose server shows a bad certificate; the verdict is told.
    pub insecure: bool,
    /// The roots to trust: `store`, a name of the store, or a file. None: the system's and the session's; of a
    /// listener the store's.
    pub ca: Option<String>,
    /// The name to verify, if not the URL's host.
    pub server_name: Option<String>,
    /// Where this side's secrets are appended, as `SSLKEYLOGFILE` has them.
    pub keylog: Option<PathBuf>,
    /// Whose lines lead a TCP connection from plain text to TLS.
    pub starttls: Starttls,
    pub sni: Sni,
    /// A name of the store or a file, where the key is not beside the certificate.
    pub key: Option<String>,
    pub certificate: Source,
    pub client_auth: ClientAuth,
    pub versions: Versions,
    /// From [`CIPHERS`]; none is all of them.
    pub ciphers: Vec<&'static str>,
    /// From [`GROUPS`]; none is all of them that are in use.
    pub groups: Vec<&'static str>,
    /// None is what the protocol has of its own.
    pub alpn: Vec<String>,
    /// Give and take session tickets (RFC 8446 section 2.2, RFC 5077).
    pub resumption: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            insecure: false,
            ca: None,
            server_name: None,
            sni: Sni::default(),
            key: None,
            certificate: Source::default(),
            client_auth: ClientAuth::default(),
            versions: Versions::default(),
            ciphers: Vec::new(),
            groups: Vec::new(),
            alpn: Vec::new(),
            resumption: true,
            keylog: None,
            starttls: Starttls::default(),
        }
    }
}

/// TLS from the start, or from when a TCP connection is upgraded.
fn secure(_: Role, scheme: Scheme) -> bool {
    scheme.is_secure() || scheme == Scheme::Tcp
}

fn client(role: Role, scheme: Scheme) -> bool {
    role == Role::Connect && secure(role, scheme)
}

fn listener(role: Role, scheme: Scheme) -> bool {
    role == Role::Listen && secure(role, scheme)
}

pub const ROWS: &[Row] = &[
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
        name: "insecure",
        look: Look::Switch,
        live: Live::Next,
        fits: client,
        elsewhere: "insecure is for clients over TLS: connect to tls://, https:// or wss://, or to tcp:// with starttls",
        when: always,
        help: "connect although the server's certificate is bad; the verdict is told",
        get: |settings| settings.tls.insecure.write(),
        set: |settings, text| put(&mut settings.tls.insecure, text),
    },
    Row {
        name: "key",
        look: Look::Line("server.key"),
        live: Live::Next,
        fits: secure,
        elsewhere: "key is for TLS: use tls://, https:// or wss://, or tcp:// with starttls",
        when: always,
        help: "the certificate's private key, a NAME of the store or a FILE, if it is not beside it",
        get: |settings| settings.tls.key.write(),
        set: |settings, text| put(&mut settings.tls.key, text),
    },
    Row {
        name: "certificate",
        look: Look::Line("a NAME of the store, a FILE; a listener's: session, sni, bad:expired"),
        live: Live::Next,
        fits: secure,
        elsewhere: "certificate is for TLS: use tls://, https:// or wss://, or tcp:// with starttls",
        when: always,
        help: "what is shown: a NAME or FILE; a listener's: session, sni (made by name), bad:KIND (b)",
        get: |settings| settings.tls.certificate.write(),
        set: |settings, text| put(&mut settings.tls.certificate, text),
    },
    Row {
        name: "ca",
        look: Look::Line("store, a NAME of the store, or a FILE such as ca.pem"),
        live: Live::Next,
        fits: secure,
        elsewhere: "ca is for TLS: use tls://, https:// or wss://, or tcp:// with starttls",
        when: always,
        help: "roots: store, a NAME, a FILE; empty: system and session, of a listener the store's",
        get: |settings| settings.tls.ca.write(),
        set: |settings, text| put(&mut settings.tls.ca, text),
    },
    Row {
        name: "client_auth",
        look: Look::Choice(ClientAuth::NAMES),
        live: Live::Next,
        fits: listener,
        elsewhere: "client_auth is for listeners over TLS: listen on tls://, https:// or wss://, or tcp:// with starttls",
        when: always,
        help: "want a certificate by ca of each client (mTLS); optional: none is fine, a bad one is not",
        get: |settings| settings.tls.client_auth.write(),
        set: |settings, text| put(&mut settings.tls.client_auth, text),
    },
    Row {
        name: "server_name",
        look: Look::Line("example.test"),
        live: Live::Next,
        fits: client,
        elsewhere: "server_name is for clients over TLS: connect to tls://, https:// or wss://, or to tcp:// with starttls",
        when: always,
        help: "the name to verify, and to ask for (SNI) unless sni says another, if not the URL's host",
        get: |settings| settings.tls.server_name.write(),
        set: |settings, text| put(&mut settings.tls.server_name, text),
    },
    Row {
        name: "keylog",
        look: Look::Line("keys.log"),
        live: Live::Next,
        fits: secure,
        elsewhere: "keylog is for TLS: its secrets are appended to that file; here nothing is encrypted",
        when: always,
        help: "append each connection's secrets to this file (SSLKEYLOGFILE), for Wireshark",
        get: |settings| settings.tls.keylog.write(),
        set: |settings, text| put(&mut settings.tls.keylog, text),
    },
    Row {
        name: "sni",
        look: Look::Line("another.test, or off"),
        live: Live::Next,
        fits: client,
        elsewhere: "sni is for clients over TLS: connect to tls://, https:// or wss://, or to tcp:// with starttls",
        when: always,
        help: "the name to ask for, if not the one that is verified; off asks for none",
        get: |settings| settings.tls.sni.write(),
        set: |settings, text| put(&mut settings.tls.sni, text),
    },
    Row {
        name: "versions",
        look: Look::Choice(Versions::NAMES),
        live: Live::Next,
        fits: secure,
        elsewhere: "versions is for TLS: use tls://, https:// or wss://, or tcp:// with starttls",
        when: always,
        help: "the versions of TLS to speak; below 1.2 there is none here",
        get: |settings| settings.tls.versions.write(),
        set: |settings, text| put(&mut settings.tls.versions, text),
    },
    Row {
        name: "ciphers",
        look: Look::Line("TLS_AES_128_GCM_SHA256 TLS_CHACHA20_POLY1305_SHA256"),
        live: Live::Next,
        fits: secure,
        elsewhere: "ciphers is for TLS: use tls://, https:// or wss://, or tcp:// with starttls",
        when: always,
        help: "cipher suites by their IANA names, best first; empty for all there are",
        get: |settings| settings.tls.ciphers.join(" "),
        set: |settings, text| put_names(&mut settings.tls.ciphers, text, CIPHERS, "cipher suite"),
    },
    Row {
        name: "groups",
        look: Look::Line("X25519MLKEM768 X25519 secp256r1"),
        live: Live::Next,
        fits: secure,
        elsewhere: "groups is for TLS: use tls://, https:// or wss://, or tcp:// with starttls",
        when: always,
        help: "key exchange groups by their IANA names, best first; empty for those in use",
        get: |settings| settings.tls.groups.join(" "),
        set: |settings, text| put_names(&mut settings.tls.groups, text, GROUPS, "group"),
    },
    Row {
        name: "alpn",
        look: Look::Line("h2 http/1.1"),
        live: Live::Next,
        fits: secure,
        elsewhere: "alpn is for TLS: use tls://, https:// or wss://, or tcp:// with starttls",
        when: always,
        help: "protocols to offer or accept, best first; empty for what the scheme has of its own",
        get: |settings| settings.tls.alpn.write(),
        set: |settings, text| put_alpn(&mut settings.tls.alpn, text),
    },
    Row {
        name: "resumption",
        look: Look::Switch,
        live: Live::Next,
        fits: secure,
        elsewhere: "resumption is for TLS: use tls://, https:// or wss://, or tcp:// with starttls",
        when: always,
        help: "give and take session tickets; without, every handshake is a full one",
        get: |settings| settings.tls.resumption.write(),
        set: |settings, text| put(&mut settings.tls.resumption, text),
    },
];
