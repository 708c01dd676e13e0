//! The load: clients of every protocol, each counting what it sent and what came back.

use std::io;
use std::net::SocketAddr;
use std::ops::{Add, AddAssign};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;

use super::support::patience;

/// Which endpoint, from 0, speaks what.
pub const TCP: usize = 0;
pub const UDP: usize = 1;
pub const HTTP: usize = 2;
pub const WS: usize = 3;
pub const TLS: usize = 4;

/// What a client has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub connections: u64,
    pub messages: u64,
    /// Bytes of payload.
    pub sent: u64,
    pub received: u64,
}

impl Add for Sum {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            connections: self.connections + other.connections,
            messages: self.messages + other.messages,
            sent: self.sent + other.sent,
            received: self.received + other.received,
        }
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum {
    fn there_and_back(&mut self, bytes: usize) {
        self.messages += 1;
        self.sent += bytes as u64;
        self.received += bytes as u64;
    }
}

/// What one client does until its time is over.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// Round trips of so many bytes at the most, on one connection.
    Stream {
        most: usize,
    },
    /// Connects, sends, reads and closes, over and over.
    Churn,
    /// Connects and is gone with a RST.
    Vanish,
    Datagrams,
    /// Requests on one connection.
    Requests,
    Messages {
        most: usize,
    },
    Secure,
}

#[derive(Clone)]
pub struct Load {
    endpoint: usize,
    at: SocketAddr,
    work: Work,
    tls: TlsConnector,
}

impl Load {
    /// The clients of a round.
    pub fn all(at: &[SocketAddr], roots: &[u8]) -> Vec<Self> {
        let works = [
            (TCP, Work::Stream { most: 4 << 10 }),
            (TCP, Work::Stream { most: 1 << 20 }),
            (TCP, Work::Churn),
            (TCP, Work::Vanish),
            (UDP, Work::Datagrams),
            (HTTP, Work::Requests),
            (WS, Work::Messages { most: 2 << 10 }),
            (WS, Work::Messages { most: 1 << 20 }),
            (TLS, Work::Secure),
        ];
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut store = rustls::RootCertStore::empty();
        store.add(CertificateDer::from_pem_slice(roots).unwrap()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(store)
            .with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(config));
        works.map(|(endpoint, work)| Self { endpoint, at: at[endpoint], work, tls: tls.clone() }).into()
    }

    /// Runs them side by side: what each did to its endpoint.
    pub async fn round(loads: &[Self], time: Duration) -> Vec<(usize, Sum)> {
        let end = Instant::now() + time;
        let mut clients = JoinSet::new();
        for load in loads.iter().cloned() {
            let patience = time + patience();
            clients.spawn(async move {
                let what = load.work;
                let done = tokio::time::timeout(patience, load.clone().run(end)).await;
                let done = done.unwrap_or_else(|_| panic!("{what:?} got no answer"));
                (load.endpoint, done.unwrap_or_else(|error| panic!("{what:?}: {error}")))
            });
        }
        clients.join_all().await
    }

    async fn run(self, end: Instant) -> io::Result<Sum> {
        match self.work {
            Work::Stream { most } => {
                let mut sum = Sum { connections: 1, ..Sum::default() };
                trips(TcpStream::connect(self.at).await?, most, end, &mut sum).await?;
                Ok(sum)
            }
            Work::Churn => churn(self.at, end).await,
            Work::Vanish => vanish(self.at, end).await,
            Work::Datagrams => datagrams(self.at, end).await,
            Work::Requests => requests(self.at, end).await,
            Work::Messages { most } => messages(self.at, most, end).await,
            Work::Secure => {
                let mut sum = Sum::default();
                while Instant::now() < end {
                    let stream = TcpStream::connect(self.at).await?;
                    let name = ServerName::try_from("localhost").unwrap();
                    sum.connections += 1;
                    let stream = self.tls.connect(name, stream).await?;
                    let soon = end.min(Instant::now() + Duration::from_millis(200));
                    trips(stream, 20_000, soon, &mut sum).await?;
                }
                Ok(sum)
            }
        }
    }
}

/// Sizes from 1 to the most, in an order that visits them all over.
fn sizes(most: usize) -> impl Iterator<Item = usize> {
    (0_usize..).map(move |n| 1 + n.wrapping_mul(7919) % most)
}

/// Writes and reads at once: an echo of a megabyte does not fit into the buffers on its way.
async fn trips<S>(stream: S, most: usize, end: Instant, sum: &mut Sum) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let payload = vec![b'x'; most];
    let mut back = vec![0; most];
    let (mut reader, mut writer) = tokio::io::split(stream);
    for size in sizes(most) {
        let (wrote, read) = tokio::join!(
            async {
                writer.write_all(&payload[..size]).await?;
                writer.flush().await
            },
            reader.read_exact(&mut back[..size])
        );
        wrote?;
        read?;
        sum.there_and_back(size);
        if Instant::now() >= end {
            break;
        }
    }
    writer.shutdown().await?;
    match reader.read(&mut back).await? {
        0 => Ok(()),
        more => Err(io::Error::other(format!("{more} bytes that nobody sent"))),
    }
}

async fn churn(at: SocketAddr, end: Instant) -> io::Result<Sum> {
    let mut sum = Sum::default();
    while Instant::now() < end {
        sum.connections += 1;
        // One trip.
        trips(TcpStream::connect(at).await?, 64, Instant::now(), &mut sum).await?;
    }
    Ok(sum)
}

async fn vanish(at: SocketAddr, end: Instant) -> io::Result<Sum> {
    let mut sum = Sum::default();
    while Instant::now() < end {
        let stream = TcpStream::connect(at).await?;
        stream.set_zero_linger()?;
        sum.connections += 1;
        tokio::task::yield_now().await;
    }
    Ok(sum)
}

async fn datagrams(at: SocketAddr, end: Instant) -> io::Result<Sum> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(at).await?;
    let mut sum = Sum { connections: 1, ..Sum::default() };
    let (payload, mut back) = ([b'x'; 1200], [0; 2000]);
    for size in sizes(1200) {
        socket.send(&payload[..size]).await?;
        // One at a time: none is lost on loopback.
        if socket.recv(&mut back).await? != size {
            return Err(io::Error::other("an echo of another size"));
        }
        sum.there_and_back(size);
        if Instant::now() >= end {
            break;
        }
    }
    Ok(sum)
}

async fn requests(at: SocketAddr, end: Instant) -> io::Result<Sum> {
    let mut stream = TcpStream::connect(at).await?;
    let mut sum = Sum { connections: 1, ..Sum::default() };
    let mut back = vec![0; 64 << 10];
    for size in sizes(4000) {
        let last = Instant::now() >= end;
        let close = if last { "Connection: close\r\n" } else { "" };
        let head = format!("POST /soak HTTP/1.1\r\nHost: localhost\r\n{close}Content-Length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&vec![b'x'; size]).await?;
        sum.messages += 1;
        sum.sent += (head.len() + size) as u64;
        let mut have = 0;
        let whole = loop {
            have += stream.read(&mut back[have..]).await?;
            if let Some(whole) = response(&back[..have]) {
                break whole;
            }
        };
        if have != whole {
            return Err(io::Error::other(format!("{have} bytes, and the response has {whole}")));
        }
        sum.received += whole as u64;
        if last {
            break;
        }
    }
    stream.shutdown().await?;
    match stream.read(&mut back).await? {
        0 => Ok(sum),
        more => Err(io::Error::other(format!("{more} bytes behind the last response"))),
    }
}

/// The bytes of a response with a Content-Length, once its head is there and they are.
fn response(bytes: &[u8]) -> Option<usize> {
    let head = 4 + bytes.windows(4).position(|end| end == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    let whole = head + length.trim().parse::<usize>().ok()?;
    (bytes.len() >= whole).then_some(whole)
}

async fn messages(at: SocketAddr, most: usize, end: Instant) -> io::Result<Sum> {
    let (mut ws, _) = tokio_tungstenite::connect_async(format!("ws://{at}/")).await.map_err(io::Error::other)?;
    let mut sum = Sum { connections: 1, ..Sum::default() };
    let text = "x".repeat(most);
    for size in sizes(most) {
        ws.send(Message::text(&text[..size])).await.map_err(io::Error::other)?;
        match ws.next().await {
            Some(Ok(Message::Text(back))) if back.len() == size => sum.there_and_back(size),
            other => return Err(io::Error::other(format!("an echo was expected: {other:?}"))),
        }
        if Instant::now() >= end {
            break;
        }
    }
    ws.close(None).await.map_err(io::Error::other)?;
    while let Some(message) = ws.next().await {
        if let Ok(Message::Text(text)) = message {
            return Err(io::Error::other(format!("{} bytes that nobody sent", text.len())));
        }
    }
    Ok(sum)
}
