//! Requests as bytes. The first answer is read to learn how long each is; from there on bytes are counted.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stream::Io;
use super::{Pace, together};
use crate::Res;
use crate::loads::Ask;

/// An answer's head ends here at the latest.
const LONGEST: usize = 4096;

fn request(ask: Ask) -> Vec<u8> {
    let head = "HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: load\r\naccept: */*\r\n";
    match ask {
        Ask::Get => format!("GET /path {head}\r\n").into(),
        Ask::Pipelined(depth) => format!("GET /path {head}\r\n").repeat(depth).into(),
        Ask::Post(size) => format!("POST /path {head}content-length: {size}\r\n\r\n{}", "x".repeat(size)).into(),
    }
}

/// Reads one head byte by byte; it, and what its `content-length` says.
pub async fn head(stream: &mut impl Io) -> Res<(Vec<u8>, usize)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
        if head.len() > LONGEST {
            return Err("an answer's head does not end".into());
        }
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    Ok((head, length.unwrap_or(0)))
}

pub async fn requests(mut stream: impl Io, ask: Ask, pace: &Pace) -> Res<()> {
    let (request, depth) = (request(ask), together(ask));
    stream.write_all(&request).await?;
    stream.flush().await?;
    let (first, length) = head(&mut stream).await?;
    if !first.starts_with(b"HTTP/1.1 200") {
        return Err(format!("not a 200: {}", String::from_utf8_lossy(&first)).into());
    }
    let whole = first.len() + length;
    let mut back = vec![0; whole * depth];
    stream.read_exact(&mut back[..whole * depth - first.len()]).await?;
    while pace.running() {
        let began = Instant::now();
        stream.write_all(&request).await?;
        stream.flush().await?;
        stream.read_exact(&mut back).await?;
        if !back.starts_with(b"HTTP/1.1 200") || !back[whole * (depth - 1)..].starts_with(b"HTTP/1.1 200") {
            return Err("an answer is not as long as the first".into());
        }
        pace.done(depth as u64, began);
    }
    Ok(())
}
