//! Clients that speak TLS properly and HTTP as they are told.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Gate;

pub(super) type Tls = TlsStream<TcpStream>;

/// Longer than any wait that a test expects to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

impl Gate {
    /// Trusts every certificate in the gate's folder.
    pub(super) fn client(&self, protocol: &str) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "pem") {
                roots.add(CertificateDer::from_pem_file(path).unwrap()).unwrap();
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        config
    }

    pub(super) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A TLS connection for HTTP/1.1.
    pub(super) async fn http1(&self) -> Tls {
        secure(self.client("http/1.1"), self.tcp().await, "gate.example").await.unwrap()
    }

    /// An HTTP/2 connection, driven by a task.
    pub(super) async fn http2(&self) -> h2::client::SendRequest<bytes::Bytes> {
        let tls = secure(self.client("h2"), self.tcp().await, "gate.example").await.unwrap();
        let (sender, connection) = h2::client::handshake(tls).await.unwrap();
        tokio::spawn(connection);
        sender.ready().await.unwrap()
    }

    /// What comes back for these bytes on a fresh connection, until it is closed.
    pub(super) async fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut tls = self.http1().await;
        tls.write_all(request.as_ref()).await.unwrap();
        read_to_end(&mut tls).await
    }
}

pub(super) async fn secure(config: ClientConfig, tcp: TcpStream, name: &'static str) -> std::io::Result<Tls> {
    let name = ServerName::try_from(name).unwrap();
    timeout(PATIENCE, TlsConnector::from(Arc::new(config)).connect(name, tcp)).await.unwrap()
}

/// Waits until the worker, on its own thread, has come so far.
pub(super) async fn eventually(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it does not happen");
}

/// Everything until the connection is closed, in order or not.
pub(super) async fn read_to_end(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the connection stays open");
    String::from_utf8(bytes).unwrap()
}

/// Everything until `end` has come.
pub(super) async fn read_until(stream: &mut (impl AsyncReadExt + Unpin), end: &str) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while !text.contains(end) {
        let count =
            timeout(PATIENCE, stream.read(&mut bytes)).await.unwrap_or_else(|_| panic!("{text:?}")).unwrap();
        assert!(count > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    text
}

/// A GET whose connection is kept open.
pub(super) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: gate.example\r\n\r\n")
}

/// A GET after which the connection is closed.
pub(super) fn last_get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n\r\n")
}
