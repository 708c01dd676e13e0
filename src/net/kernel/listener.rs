//! A listening socket together with what the kernel knows of it: how many connections wait to be accepted.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};

use super::sys::{self, Descriptor};
use super::{descriptor, info};
use crate::model::view::{Facts, Group};

/// A listener that its [`Backlog`] can ask about.
pub struct Listener {
    listener: TcpListener,
    fd: Arc<Mutex<Option<Descriptor>>>,
}

/// Asks the kernel about a [`Listener`], for as long as that lives.
pub struct Backlog(Arc<Mutex<Option<Descriptor>>>);

impl Listener {
    pub fn new(listener: TcpListener) -> Self {
        let fd = Arc::new(Mutex::new(Some(descriptor(&listener))));
        Self { listener, fd }
    }

    pub fn backlog(&self) -> Backlog {
        Backlog(Arc::clone(&self.fd))
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.listener.accept().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        *self.fd.lock() = None;
    }
}

impl Facts for Backlog {
    fn read(&self) -> Vec<Group> {
        let fd = self.0.lock();
        fd.and_then(sys::tcp_info).map(|info| info::listening(&info)).into_iter().collect()
    }

    fn is_over(&self) -> bool {
        self.0.lock().is_none()
    }
}
