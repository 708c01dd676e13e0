//! The load generator: one thread, one task for each connection, and the server's processor time read where the
//! operations are counted.

mod datagrams;
mod http;
mod idle;
mod stream;
mod tls;
mod ws;

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;

use crate::Res;
use crate::hist::Hist;
use crate::loads::{Ask, Kind, Load};
use crate::machine::Group;

/// How long a server may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);
/// What nobody counts: caches, buffers and ports find their places.
const WARM_UP: Duration = Duration::from_millis(200);
/// A connection that says nothing for so long has failed.
const SILENT: Duration = Duration::from_secs(5);

/// What came of it.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub operations: u64,
    pub seconds: f64,
    /// The server's processor time, in seconds.
    pub cpu: f64,
    /// Microseconds.
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub lost: u64,
    /// The server's resident memory, in KiB; for idle connections what they took.
    pub memory: u64,
}

/// What all connections of a load share.
pub struct Pace {
    server: SocketAddr,
    until: Cell<Instant>,
    sums: RefCell<Hist>,
    operations: Cell<u64>,
    lost: Cell<u64>,
    source: Cell<u32>,
}

impl Pace {
    pub fn running(&self) -> bool {
        Instant::now() < self.until.get()
    }

    /// So many operations are done, that began together.
    pub fn done(&self, operations: u64, began: Instant) {
        self.operations.set(self.operations.get() + operations);
        self.sums.borrow_mut().add(began.elapsed());
    }

    pub fn lost(&self) {
        self.lost.set(self.lost.get() + 1);
    }

    /// Opens a connection from one of 127.0.1.1 to 127.0.1.64: one address has ports for 28,000.
    pub async fn connect(&self) -> Res<TcpStream> {
        self.source.set(self.source.get() + 1);
        let last = u8::try_from(self.source.get() % 64)? + 1;
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::new(127, 0, 1, last), 0).into())?;
        Ok(socket.connect(self.server).await?)
    }

    /// The first connection, for which the server may not be there yet.
    async fn first(&self) -> Res<()> {
        let began = Instant::now();
        loop {
            match self.connect().await {
                Ok(_) => return Ok(()),
                Err(error) if began.elapsed() > PATIENCE => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

pub fn run(load: &'static Load, port: u16, server: i32, seconds: f64) -> Res<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(measure(load, port, Group::new(server), seconds)))
}

async fn measure(load: &'static Load, port: u16, server: Group, seconds: f64) -> Res<Outcome> {
    let pace = Rc::new(Pace {
        server: (Ipv4Addr::LOCALHOST, port).into(),
        until: Cell::new(Instant::now() + Duration::from_secs(3600)),
        sums: RefCell::default(),
        operations: Cell::default(),
        lost: Cell::default(),
        source: Cell::default(),
    });
    match load.kind {
        Kind::Datagrams => datagrams::first(&pace).await?,
        _ => pace.first().await?,
    }
    if load.kind == Kind::Idle {
        return idle::measure(load, &pace, &server).await;
    }
    let flows: Vec<_> = (0..load.connections).map(|_| tokio::task::spawn_local(flow(load, Rc::clone(&pace)))).collect();
    // Every connection has been used once before anything is counted.
    while pace.operations.get() < load.connections as u64 {
        if let Some(failed) = flows.iter().position(|flow| flow.is_finished()) {
            flows.into_iter().nth(failed).ok_or("no flow")?.await??;
            return Err("a connection was over before it began".into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(WARM_UP).await;
    let (began, cpu) = (Instant::now(), server.cpu());
    pace.sums.borrow_mut().clear();
    let (operations, lost) = (pace.operations.get(), pace.lost.get());
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let (took, used) = (began.elapsed(), server.cpu().saturating_sub(cpu));
    let operations = pace.operations.get() - operations;
    let sums = pace.sums.take();
    let (memory, lost) = (server.memory(), pace.lost.get() - lost);
    pace.until.set(Instant::now());
    for flow in flows {
        tokio::time::timeout(SILENT, flow).await???;
    }
    Ok(Outcome {
        operations,
        seconds: took.as_secs_f64(),
        cpu: used.as_secs_f64(),
        p50: sums.at(500),
        p99: sums.at(990),
        p999: sums.at(999),
        lost,
        memory,
    })
}

/// One connection's part, to the end.
async fn flow(load: &'static Load, pace: Rc<Pace>) -> Res<()> {
    match load.kind {
        Kind::Datagrams => datagrams::trips(&pace).await,
        Kind::Churn => stream::churn(&pace).await,
        Kind::Handshakes => tls::handshakes(&pace).await,
        Kind::Messages { .. } => ws::messages(pace.connect().await?, load.kind, &pace).await,
        Kind::Idle => Ok(()),
        Kind::Echo(_) | Kind::Bulk | Kind::Http(_) if load.secure() => {
            let stream = tls::connect(&pace).await?;
            plain(stream, load.kind, &pace).await
        }
        kind => plain(pace.connect().await?, kind, &pace).await,
    }
}

async fn plain(stream: impl stream::Io, kind: Kind, pace: &Pace) -> Res<()> {
    match kind {
        Kind::Echo(size) => stream::trips(stream, size, pace).await,
        Kind::Bulk => stream::bulk(stream, pace).await,
        Kind::Http(ask) => http::requests(stream, ask, pace).await,
        _ => Ok(()),
    }
}

/// How many requests go together.
pub fn together(ask: Ask) -> usize {
    match ask {
        Ask::Pipelined(depth) => depth,
        Ask::Get | Ask::Post(_) => 1,
    }
}
