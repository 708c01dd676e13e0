//! What a UDP socket can be set to.

use super::Row;

/// See each row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Udp {}

pub const ROWS: &[Row] = &[];
