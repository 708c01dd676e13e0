//! Our client against a tungstenite server that nobody watches, and against servers that are none.

use super::tests::*;
