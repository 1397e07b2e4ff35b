//! A connection's bytes, with TLS or without.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::failure::{Phase, UpstreamError};
use super::settings::{PoolSettings, Replica};

pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// Connects to a replica within the settings' deadline.
    pub(super) async fn connect(settings: &PoolSettings, replica: &Replica) -> Result<Socket, UpstreamError> {
        match tokio::time::timeout(settings.connect_timeout, Socket::connect_at_leisure(settings, replica))
            .await
        {
            Ok(socket) => socket,
            Err(_) => Err(UpstreamError::Timeout { replica: replica.url().clone(), phase: Phase::Connect }),
        }
    }

    async fn connect_at_leisure(settings: &PoolSettings, replica: &Replica) -> Result<Socket, UpstreamError> {
        let tcp = TcpStream::connect((replica.host(), replica.port()))
            .await
            .and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp))
            .map_err(|error| UpstreamError::Connect { replica: replica.url().clone(), kind: error.kind() })?;
        if !replica.is_tls() {
            return Ok(Socket::Plain(tcp));
        }
        let refuse =
            |reason: String| UpstreamError::Tls { replica: replica.url().clone(), reason: reason.into() };
        let tls = settings.tls.as_ref().ok_or_else(|| refuse("no TLS settings".to_owned()))?;
        let name = match &tls.server_name {
            Some(name) => name.clone(),
            None => {
                ServerName::try_from(replica.host().to_owned()).map_err(|error| refuse(error.to_string()))?
            }
        };
        let stream = TlsConnector::from(Arc::clone(&tls.config)).connect(name, tcp).await;
        stream.map(|stream| Socket::Tls(Box::new(stream))).map_err(|error| refuse(error.to_string()))
    }

    /// The connection below TLS.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Socket::Plain(tcp) => tcp,
            Socket::Tls(tls) => tls.get_ref().0,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Socket::Tls(tls) => Pin::new(tls.as_mut()).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Socket::Tls(tls) => Pin::new(tls.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Socket::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Socket::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(context),
        }
    }
}
