//! sockscope: an oscilloscope for sockets. The first page of `ARCHITECTURE.md` is the map.

pub mod app;
pub mod hub;
pub mod model;
pub mod screen;
