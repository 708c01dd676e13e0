//! The only place where layers meet: the command line, configuration, the headless format, history.

pub mod cli;
pub mod config;
pub mod history;
pub mod jsonl;
