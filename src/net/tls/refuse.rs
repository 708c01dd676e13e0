//! Plain HTTP on a port that wants TLS: answered in plain HTTP, so that whoever asked can read why.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::records::spoken;
use crate::model::draft::escape;
use crate::model::end::Fault;
use crate::model::url::Scheme;

/// A request is read up to the end of its head before it is answered: a close on top of unread bytes would be a
/// RST, and take the answer with it. A head that takes longer or is larger than this is no browser's.
const PATIENCE: Duration = Duration::from_secs(1);
const HEAD: usize = 16 << 10;

/// Answers a peer whose first bytes are plain HTTP with a 400 that says so; `None` if they are something else.
pub async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, first: &[u8], scheme: Scheme) -> Option<Fault> {
    if spoken(first) != Some("HTTP") || first.starts_with(b"HTTP/") {
        return None;
    }
    let mut head = Vec::new();
    let whole = async {
        while head.len() < HEAD && !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if !matches!(stream.read_buf(&mut head).await, Ok(1..)) {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, whole).await;
    let text = format!("This port speaks {scheme}, which is encrypted: ask for {scheme}:// instead.\n");
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    let leave = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    let left = matches!(tokio::time::timeout(PATIENCE, leave).await, Ok(Ok(())));
    let line = head.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let said = escape(&line[..line.len().min(80)]);
    let answered = if left { "; answered 400 in plain text" } else { "" };
    let text = format!("the peer speaks HTTP in plain text to a port of {scheme}; it said \"{said}\"{answered}");
    Some(Fault::Tls { alert: None, text: text.into() })
}
