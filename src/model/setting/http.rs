//! What an HTTP endpoint can be set to.

use std::time::Duration;

use super::text::{Text, put, put_number};
use super::{Live, Look, Row, always};
use crate::model::rule::Rules;
use crate::model::url::{Role, Scheme};

/// Hops at the most: more is a circle (curl's own bound is 50).
const HOPS: u32 = 50;
/// Requests on one connection at the most: a number that fits a form.
const REQUESTS: u32 = 1_000_000_000;

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Http {
    pub version: Version,
    /// Clients: how many redirects in a row are followed; else they are shown.
    pub redirects: u32,
    /// Listeners: close a connection on which nothing was asked for so long (Node's `keepAliveTimeout`).
    pub keep: Option<Duration>,
    /// Listeners: the request after which a connection is closed (Node's `maxRequestsPerSocket`); 0 is none.
    pub requests: u32,
    /// Listeners: a request's body may have so many bytes.
    pub most_body: Option<u64>,
    /// Listeners: the `Link` of a 103 Early Hints before each answer (RFC 8297).
    pub hints: Option<String>,
    /// Listeners: grant `Upgrade` and `CONNECT`; what follows are bytes.
    pub upgrade: bool,
    /// Listeners: what is answered before `reply`.
    pub rules: Rules,
}

/// Which HTTP is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Version {
    /// A listener takes both; a client agrees on one over TLS (RFC 7301) and speaks 1.1 in plain text.
    #[default]
    Auto,
    /// RFC 9112 alone.
    One,
    /// RFC 9113 alone: in plain text with prior knowledge (section 3.3).
    Two,
}

impl Version {
    const NAMES: &[&str] = &["auto", "1.1", "2"];

    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::One => "1.1",
            Self::Two => "2",
        }
    }

    fn choose(text: &str) -> Result<Self, String> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            "1.1" | "1" => Ok(Self::One),
            "2" => Ok(Self::Two),
            other => Err(format!("\"{other}\" is no HTTP spoken here: write auto, 1.1 or 2")),
        }
    }
}

fn listens(role: Role, scheme: Scheme) -> bool {
    role == Role::Listen && scheme.is_http()
}

pub const ROWS: &[Row] = &[
    Row {
        name: "http",
        look: Look::Choice(Version::NAMES),
        live: Live::Restart,
        fits: |_, scheme| scheme.is_http(),
        elsewhere: "http is for http and https: which of its versions is spoken",
        when: always,
        help: "auto: both for a listener, by ALPN for a client; 1.1 or 2: that one alone, 2 also without TLS",
        get: |settings| settings.http.version.name().into(),
        set: |settings, text| Version::choose(text).map(|version| settings.http.version = version),
    },
    Row {
        name: "redirects",
        look: Look::Line("5"),
        live: Live::Now,
        fits: |role, scheme| role == Role::Connect && scheme.is_http(),
        elsewhere: "redirects are for http and https clients",
        when: always,
        help: "follow so many redirects in a row, each an exchange of its own; 0 shows them",
        get: |settings| settings.http.redirects.to_string(),
        set: |settings, text| put_number(&mut settings.http.redirects, text, 0..=HOPS),
    },
    Row {
        name: "keep",
        look: Look::Line("5s"),
        live: Live::Next,
        fits: listens,
        elsewhere: "keep is for http and https listeners",
        when: always,
        help: "close a connection on which nothing was asked for so long; off keeps it",
        get: |settings| settings.http.keep.write(),
        set: |settings, text| put(&mut settings.http.keep, text),
    },
    Row {
        name: "requests",
        look: Look::Line("100"),
        live: Live::Next,
        fits: listens,
        elsewhere: "requests is for http and https listeners",
        when: always,
        help: "the answer to so many requests says Connection: close, HTTP/2 a GOAWAY; 0 is no limit",
        get: |settings| settings.http.requests.to_string(),
        set: |settings, text| put_number(&mut settings.http.requests, text, 0..=REQUESTS),
    },
    Row {
        name: "most_body",
        look: Look::Line("1MiB"),
        live: Live::Next,
        fits: listens,
        elsewhere: "most_body is for http and https listeners",
        when: always,
        help: "a request with a larger body is answered 413; off takes any",
        get: |settings| settings.http.most_body.write(),
        set: |settings, text| put(&mut settings.http.most_body, text),
    },
    Row {
        name: "hints",
        look: Look::Line("</style.css>; rel=preload; as=style"),
        live: Live::Next,
        fits: listens,
        elsewhere: "hints are for http and https listeners",
        when: always,
        help: "the Link of a 103 Early Hints before each answer",
        get: |settings| settings.http.hints.write(),
        set: |settings, text| {
            if text.chars().any(char::is_control) {
                return Err("a Link is one line without control characters".into());
            }
            put(&mut settings.http.hints, text)
        },
    },
    Row {
        name: "upgrade",
        look: Look::Switch,
        live: Live::Next,
        fits: listens,
        elsewhere: "upgrade is for http and https listeners",
        when: always,
        help: "grant Upgrade with 101, CONNECT with 200 (HTTP/1.1): bytes from there on, echoed if reply is echo",
        get: |settings| settings.http.upgrade.write(),
        set: |settings, text| put(&mut settings.http.upgrade, text),
    },
    Row {
        name: "rules",
        look: Look::Line("GET /a/* 404 text=gone ; /old redirect=/new ; /slow delay=2s"),
        live: Live::Now,
        fits: |role, scheme| role == Role::Listen && scheme.is_http(),
        elsewhere: "rules are for http and https listeners: what they answer to a method and a path",
        when: always,
        help: "before reply, the first that matches: METHOD /path* STATUS Name:value text= file= redirect= delay= drop hold",
        get: |settings| settings.http.rules.to_string(),
        set: |settings, text| Rules::parse(text).map(|rules| settings.http.rules = rules),
    },
];
