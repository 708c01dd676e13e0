//! Bytes there and back, over TCP or TLS.

use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Pace;
use crate::Res;

pub trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Io for S {}

/// One write of bulk, and how many of them are one batch.
const CHUNK: usize = 16 << 10;
const BATCH: usize = 16;

pub async fn trips(mut stream: impl Io, size: usize, pace: &Pace) -> Res<()> {
    let (message, mut back) = (vec![b'x'; size], vec![0; size]);
    while pace.running() {
        let began = Instant::now();
        stream.write_all(&message).await?;
        stream.flush().await?;
        stream.read_exact(&mut back).await?;
        pace.done(1, began);
    }
    Ok(())
}

/// Writes and reads at once: what comes back must not hold up what goes.
pub async fn bulk(stream: impl Io, pace: &Pace) -> Res<()> {
    let (mut read, mut write) = tokio::io::split(stream);
    let (chunk, mut back) = (vec![b'x'; CHUNK], vec![0; CHUNK * BATCH]);
    while pace.running() {
        let began = Instant::now();
        let forth = async {
            for _ in 0..BATCH {
                write.write_all(&chunk).await?;
            }
            write.flush().await
        };
        let (forth, back) = tokio::join!(forth, read.read_exact(&mut back));
        forth.and(back)?;
        pace.done(BATCH as u64, began);
    }
    Ok(())
}

pub async fn churn(pace: &Pace) -> Res<()> {
    let mut back = [0; 64];
    while pace.running() {
        let began = Instant::now();
        let mut stream = pace.connect().await?;
        stream.write_all(&[b'x'; 64]).await?;
        stream.read_exact(&mut back).await?;
        drop(stream);
        pace.done(1, began);
    }
    Ok(())
}
