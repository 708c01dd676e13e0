//! sockscope: an oscilloscope for sockets.
//!
//! The program is [`run::main`]. The same parts serve as a harness without a screen: a
//! [`run::session::Session`] opens endpoints and performs what a person would do by key,
//! [`hub::Hub::snapshot`] and [`hub::Hub::events`] tell what happened, [`run::jsonl::Follower`] writes it
//! down; `examples/headless.rs` does all of it in a page. What follows is `ARCHITECTURE.md`.
//!
#![doc = include_str!("../ARCHITECTURE.md")]
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
pub mod pki;
pub mod run;
pub mod screen;
