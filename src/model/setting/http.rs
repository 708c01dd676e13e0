//! What an HTTP endpoint can be set to.

use super::{Live, Look, Row, always};
use crate::model::rule::Rules;
use crate::model::url::Role;

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Http {
    pub version: Version,
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
