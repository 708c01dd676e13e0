//! tokio-tungstenite, messages back as they come.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// `buffer` is what one read may take; its own default is 128 KiB for each connection.
pub async fn echo(stream: TcpStream, buffer: Option<usize>) {
    let mut config = WebSocketConfig::default();
    if let Some(size) = buffer {
        config = config.read_buffer_size(size);
    }
    let Ok(mut socket) = accept_async_with_config(stream, Some(config)).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}
