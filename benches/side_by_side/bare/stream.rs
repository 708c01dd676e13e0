//! Bytes back as they come.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(size) => {
                // A TLS stream keeps what it was given until it is flushed.
                if stream.write_all(&buffer[..size]).await.is_err() || stream.flush().await.is_err() {
                    break;
                }
            }
        }
    }
    let _ = stream.shutdown().await;
}
