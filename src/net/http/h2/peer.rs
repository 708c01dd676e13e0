//! For tests: a peer that writes frames by hand, and what is told of them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::frame::{self, ACK, END_STREAM, HEADERS, Head, PREFACE, SETTINGS};
use crate::model::event::{Event, Kind};
use crate::net::http::stage::told;

/// `:method GET, :scheme http, :path /`, all of them in the static table.
pub const GET: &[u8] = &[0x82, 0x86, 0x84];
pub const POST: &[u8] = &[0x83, 0x86, 0x84];

/// A peer that writes frames by hand.
pub struct Peer {
    pub stream: TcpStream,
    pub heard: Vec<u8>,
}

impl Peer {
    /// Says hello, and waits for the other's settings.
    pub async fn new(at: SocketAddr) -> Self {
        let stream = TcpStream::connect(at).await.unwrap();
        let mut peer = Self { stream, heard: Vec::new() };
        peer.write(&[PREFACE, &Head::frame(SETTINGS, 0, 0, b"")].concat()).await;
        peer.until(|frame| frame.0 == SETTINGS && frame.1 == ACK).await;
        peer.frame(SETTINGS, ACK, 0, b"").await;
        peer
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&Head::frame(kind, flags, stream, payload)).await;
    }

    /// The next frame that fits; `None` if the peer ends before.
    pub async fn find(&mut self, fits: impl Fn(&(u8, u8, u32, Vec<u8>)) -> bool) -> Option<(u8, u8, u32, Vec<u8>)> {
        loop {
            while self.heard.len() >= 9 {
                let len = u32::from_be_bytes([0, self.heard[0], self.heard[1], self.heard[2]]) as usize;
                if self.heard.len() < 9 + len {
                    break;
                }
                let frame: Vec<u8> = self.heard.drain(..9 + len).collect();
                let stream = frame::number(&frame, 5).unwrap();
                let frame = (frame[3], frame[4], stream, frame[9..].to_vec());
                if fits(&frame) {
                    return Some(frame);
                }
            }
            let read = tokio::time::timeout(Duration::from_secs(20), self.stream.read_buf(&mut self.heard)).await;
            if read.expect("nothing comes").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub async fn until(&mut self, fits: impl Fn(&(u8, u8, u32, Vec<u8>)) -> bool) -> (u8, u8, u32, Vec<u8>) {
        self.find(fits).await.expect("the peer ended")
    }

    /// Waits for the end of the response on a stream.
    pub async fn answered(&mut self, stream: u32) {
        self.until(|frame| frame.2 == stream && frame.0 <= HEADERS && frame.1 & END_STREAM != 0).await;
    }
}

/// Without what every connection begins with.
pub fn story(events: &[Event]) -> Vec<String> {
    told(events).into_iter().filter(|line| !line.contains("settings")).collect()
}

pub fn faults(events: &[Event]) -> Vec<String> {
    let fault = |event: &Event| match &event.kind {
        Kind::ClientError(fault, _) | Kind::Error(fault) => Some(fault.to_string()),
        _ => None,
    };
    events.iter().filter_map(fault).collect()
}
