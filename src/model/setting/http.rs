//! What an HTTP endpoint can be set to.

use super::{Live, Look, Row, always};
use crate::model::rule::Rules;
use crate::model::url::Role;

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Http {
    pub rules: Rules,
}

pub const ROWS: &[Row] = &[Row {
    name: "rules",
    look: Look::Line("GET /a/* 404 text=gone ; /old redirect=/new ; /slow delay=2s"),
    live: Live::Now,
    fits: |role, scheme| role == Role::Listen && scheme.is_http(),
    elsewhere: "rules are for http and https listeners: what they answer to a method and a path",
    when: always,
    help: "before reply, the first that matches: METHOD /path* STATUS Name:value text= file= redirect= delay= drop hold",
    get: |settings| settings.http.rules.to_string(),
    set: |settings, text| Rules::parse(text).map(|rules| settings.http.rules = rules),
}];
