//! sockscope: an oscilloscope for sockets. The first page of `ARCHITECTURE.md` is the map.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::panic,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::dbg_macro,
        clippy::await_holding_lock,
        clippy::allow_attributes,
        clippy::disallowed_methods
    )
)]

pub mod app;
pub mod hub;
pub mod model;
pub mod net;
pub mod run;
pub mod screen;
