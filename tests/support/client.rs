//! Clients: HTTPS that trusts a test's authority, and raw bytes for what no well-behaved client sends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A client for plain HTTP that follows no redirects and uses no proxy.
pub fn plain() -> reqwest::Client {
    builder().build().expect("a client without options can be made")
}

/// A client that trusts this authority (PEM) alone, follows no redirects, and keeps no cookies.
pub fn trusting(authority: &str) -> Result<reqwest::Client> {
    let authority = reqwest::Certificate::from_pem(authority.as_bytes())?;
    Ok(builder().tls_certs_only([authority]).build()?)
}

fn builder() -> reqwest::ClientBuilder {
    install_crypto();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(30))
}

/// Makes ring this program's cryptography; whoever builds a `rustls` configuration by default needs it.
pub fn install_crypto() {
    // Somebody else in this program may have done so already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// TLS settings that trust this authority (PEM) and offer these protocols by ALPN.
pub fn tls(authority: &str, protocols: &[&str]) -> Result<ClientConfig> {
    install_crypto();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(certificate?)?;
    }
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Ok(config)
}

/// A TLS connection to `address`, as `server_name`.
pub async fn connect(
    address: SocketAddr,
    server_name: &str,
    config: ClientConfig,
) -> Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(server_name.to_owned())?;
    let connecting = async {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        TlsConnector::from(Arc::new(config)).connect(name, socket).await
    };
    timeout(Duration::from_secs(10), connecting)
        .await
        .context("no TLS connection within 10 s")?
        .context("TLS failed")
}

/// Sends bytes as they are, and gives everything that comes back until the other side closes, or says nothing for `quiet`.
pub async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
    quiet: Duration,
) -> Result<Vec<u8>> {
    stream.write_all(bytes).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(Ok(read)) = timeout(quiet, stream.read(&mut buffer)).await {
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..read]);
    }
    Ok(answer)
}
