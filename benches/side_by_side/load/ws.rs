//! WebSocket messages as bytes: a handshake, and frames with one mask for all.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Pace;
use super::http::head;
use super::stream::Io;
use crate::Res;
use crate::loads::Kind;

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

pub async fn upgrade(stream: &mut impl Io) -> Res<()> {
    stream.write_all(HANDSHAKE.as_bytes()).await?;
    let (head, _) = head(stream).await?;
    match head.starts_with(b"HTTP/1.1 101") {
        true => Ok(()),
        false => Err(format!("not a 101: {}", String::from_utf8_lossy(&head)).into()),
    }
}

/// A frame as RFC 6455 section 5.2 has it; what a client sends is masked.
pub fn frame(text: bool, size: usize, mask: bool) -> Vec<u8> {
    let mut frame = vec![if text { 0x81 } else { 0x82 }];
    let bit = if mask { 0x80 } else { 0 };
    match (u8::try_from(size), u16::try_from(size)) {
        (Ok(size), _) if size < 126 => frame.push(bit | size),
        (_, Ok(short)) => {
            frame.push(bit | 126);
            frame.extend(short.to_be_bytes());
        }
        _ => {
            frame.push(bit | 127);
            frame.extend((size as u64).to_be_bytes());
        }
    }
    if mask {
        frame.extend(MASK);
    }
    frame.extend((0..size).map(|at| b'x' ^ if mask { MASK[at % 4] } else { 0 }));
    frame
}

pub async fn messages(mut stream: impl Io, kind: Kind, pace: &Pace) -> Res<()> {
    let Kind::Messages { size, text, depth } = kind else { return Ok(()) };
    upgrade(&mut stream).await?;
    let (there, want) = (frame(text, size, true).repeat(depth), frame(text, size, false));
    let mut back = vec![0; want.len() * depth];
    if depth == 1 {
        while pace.running() {
            let began = Instant::now();
            stream.write_all(&there).await?;
            stream.read_exact(&mut back).await?;
            if back != want {
                return Err("another message came back".into());
            }
            pace.done(1, began);
        }
        return Ok(());
    }
    let (mut read, mut write) = tokio::io::split(stream);
    while pace.running() {
        let began = Instant::now();
        let (sent, got) = tokio::join!(write.write_all(&there), read.read_exact(&mut back));
        sent.and(got)?;
        if back[..14] != want[..14] {
            return Err("another message came back".into());
        }
        pace.done(depth as u64, began);
    }
    Ok(())
}
