//! HTTP/2 (RFC 9113). hyper speaks it; what the timeline says comes from decoding the clear stream as it
//! passes, frame by frame, as for HTTP/1: a stream is an exchange.

mod flaw;
mod frame;
mod hpack;
mod huffman;

#[cfg(test)]
mod frame_tests;
