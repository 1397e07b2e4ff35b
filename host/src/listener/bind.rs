//! Sockets, taken before anything else starts, so that a port in use is the first thing one hears of.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

/// Connections that the kernel keeps until they are accepted; it caps this by `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A socket that listens, not yet tied to a runtime.
#[derive(Debug)]
pub(crate) struct BoundListener(pub(super) TcpListener);

/// Why an address cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {cause}{}", hint(cause))]
pub(crate) struct BindError {
    /// The address.
    pub(crate) address: SocketAddr,
    /// What the system said.
    pub(crate) cause: io::Error,
}

impl BoundListener {
    /// The address, with the port that the system chose if 0 was asked for.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// One socket for each worker; the kernel spreads connections over them (`SO_REUSEPORT`).
pub(crate) fn bind(address: SocketAddr, workers: NonZeroUsize) -> Result<Vec<BoundListener>, BindError> {
    let failed = |cause| BindError { address, cause };
    let shared = workers.get() > 1;
    if shared && address.port() != 0 {
        // Sockets that share a port also share it with another process of the same user: ask alone first.
        listen(address, false).map_err(failed)?;
    }
    let first = BoundListener(listen(address, shared).map_err(failed)?);
    let address = first.address().map_err(failed)?;
    let mut listeners = vec![first];
    for _ in 1..workers.get() {
        listeners.push(BoundListener(listen(address, true).map_err(failed)?));
    }
    Ok(listeners)
}

fn listen(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn hint(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => "; stop the other program or choose another port",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need CAP_NET_BIND_SERVICE",
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
        _ => "",
    }
}
