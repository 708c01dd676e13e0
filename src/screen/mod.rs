//! Pixels. Each pane is a function of plain data (the model's views) and a [`theme::Theme`].
//!
//! Reads the app and the snapshot, and draws. No hub, no net, no clock, no I/O, no state: a frame costs
//! the rows it shows. What came from a network passes [`bytes`] first, always.

pub mod bytes;
pub mod cells;
pub mod detail;
pub mod endpoints;
pub mod facts;
pub mod header;
pub mod inspector;
pub mod json;
pub mod sockets;
pub mod theme;
pub mod timeline;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod pictures;
#[cfg(test)]
pub(crate) mod sample;
