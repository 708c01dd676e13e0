//! The libraries with nothing around them: what an echo costs that nobody watches.

mod http;
mod stream;
mod tls;
mod ws;

use std::net::Ipv4Addr;

use tokio::net::{TcpListener, UdpSocket};

use crate::Res;

/// What HTTP answers, on both sides.
pub const BODY: &str = "hello from the other side of the loop\n";

pub async fn serve(server: &str, port: u16) -> Res<()> {
    let address = (Ipv4Addr::LOCALHOST, port);
    if server == "udp" {
        return datagrams(UdpSocket::bind(address).await?).await;
    }
    let listener = TcpListener::bind(address).await?;
    let tls = tls::acceptor()?;
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let tls = tls.clone();
        match server {
            "tcp" => tokio::spawn(stream::echo(stream)),
            "http" => tokio::spawn(http::serve(stream)),
            "ws" => tokio::spawn(ws::echo(stream, None)),
            "ws-small" => tokio::spawn(ws::echo(stream, Some(4 << 10))),
            "tls" => tokio::spawn(async move {
                if let Ok(stream) = tls.accept(stream).await {
                    stream::echo(stream).await;
                }
            }),
            "https" => tokio::spawn(async move {
                if let Ok(stream) = tls.accept(stream).await {
                    http::serve(stream).await;
                }
            }),
            _ => return Err(format!("there is no bare {server}").into()),
        };
    }
}

async fn datagrams(socket: UdpSocket) -> Res<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok((size, peer)) = socket.recv_from(&mut buffer).await else { continue };
        // A datagram that does not leave is lost, as any is.
        let _ = socket.send_to(&buffer[..size], peer).await;
    }
}
