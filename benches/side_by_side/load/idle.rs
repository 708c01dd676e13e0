//! Connections that were used once and then say nothing: what they take.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stream::Io;
use super::{Outcome, Pace, http, tls, ws};
use crate::Res;
use crate::loads::Load;
use crate::machine::Group;

/// Until a server has done what it does behind the last connection.
const SETTLE: Duration = Duration::from_millis(500);

pub async fn measure(load: &Load, pace: &Pace, server: &Group) -> Res<Outcome> {
    tokio::time::sleep(SETTLE).await;
    let before = server.memory();
    let mut open: Vec<Box<dyn Io>> = Vec::new();
    for _ in 0..load.connections {
        open.push(touched(load, pace).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let memory = server.memory().saturating_sub(before);
    Ok(Outcome { operations: open.len() as u64, memory, ..Outcome::default() })
}

async fn touched(load: &Load, pace: &Pace) -> Res<Box<dyn Io>> {
    if load.secure() {
        let mut stream = tls::connect(pace).await?;
        touch(&mut stream, &[b'x'; 64], 64).await?;
        return Ok(Box::new(stream));
    }
    let mut stream = pace.connect().await?;
    match load.scheme {
        "ws" => {
            ws::upgrade(&mut stream).await?;
            touch(&mut stream, &ws::frame(true, 64, true), 66).await?;
        }
        "http" => {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await?;
            let (_, length) = http::head(&mut stream).await?;
            stream.read_exact(&mut vec![0; length]).await?;
        }
        _ => touch(&mut stream, &[b'x'; 64], 64).await?,
    }
    Ok(Box::new(stream))
}

async fn touch(stream: &mut impl Io, message: &[u8], back: usize) -> Res<()> {
    stream.write_all(message).await?;
    stream.flush().await?;
    stream.read_exact(&mut vec![0; back]).await?;
    Ok(())
}
