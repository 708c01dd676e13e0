//! What an HTTP endpoint can be set to.

use super::Row;

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Http {}

pub const ROWS: &[Row] = &[];
