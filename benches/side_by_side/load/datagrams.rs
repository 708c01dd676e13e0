//! Datagrams there and back; one that does not come is counted and not waited for.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::{PATIENCE, Pace};
use crate::Res;

/// After so long a datagram is lost.
const LOST: Duration = Duration::from_millis(200);

async fn socket(pace: &Pace) -> Res<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(pace.server).await?;
    Ok(socket)
}

/// Waits until somebody answers.
pub async fn first(pace: &Pace) -> Res<()> {
    let socket = socket(pace).await?;
    let (began, mut back) = (Instant::now(), [0; 64]);
    while began.elapsed() < PATIENCE {
        // Nobody there yet is an error of the next call.
        let _ = socket.send(&[b'?'; 64]).await;
        match timeout(LOST, socket.recv(&mut back)).await {
            Ok(Ok(_)) => return Ok(()),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    Err("nobody answers a datagram".into())
}

pub async fn trips(pace: &Pace) -> Res<()> {
    let socket = socket(pace).await?;
    let mut back = [0; 128];
    while pace.running() {
        let began = Instant::now();
        socket.send(&[b'x'; 64]).await?;
        match timeout(LOST, socket.recv(&mut back)).await {
            Ok(got) => {
                got?;
                pace.done(1, began);
            }
            Err(_) => pace.lost(),
        }
    }
    Ok(())
}
