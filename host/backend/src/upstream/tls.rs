//! How replicas with an `https` address are met: which authorities are trusted, which certificate is shown.
//!
//! A server's certificate is always verified. There is no setting to switch that off.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

/// The files from which a [`TlsClient`] is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities in PEM; those of the system where there is no file.
    pub ca: Option<PathBuf>,
    /// Our certificate chain and its key in PEM, for servers that ask who we are.
    pub client: Option<(PathBuf, PathBuf)>,
    /// The name that the server's certificate must hold, where it is not the one in the address.
    pub server_name: Option<String>,
}

/// How TLS is spoken with the replicas of a pool.
#[derive(Debug, Clone)]
pub struct TlsClient {
    pub(super) config: Arc<ClientConfig>,
    pub(super) server_name: Option<ServerName<'static>>,
}

/// Why no [`TlsClient`] could be made of the files.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// A file cannot be read, or is not PEM.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file holds none of what it should hold.
    #[error("{} holds no {what} in PEM", path.display())]
    Nothing {
        /// Which file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
    },
    /// The system has no authorities.
    #[error("the system has no certificate authorities; name a file with those to trust")]
    NoSystemAuthorities,
    /// The expected name is not a DNS name or IP address.
    #[error("{name} is not a server name")]
    ServerName {
        /// The name.
        name: String,
    },
    /// The parts do not fit together.
    #[error("{reason}")]
    Rustls {
        /// rustls' reason.
        reason: String,
    },
}

impl TlsFiles {
    /// Reads the files. Blocks.
    pub fn load(&self) -> Result<TlsClient, TlsSetupError> {
        let roots = match &self.ca {
            Some(path) => authorities_of(path)?,
            None => system_authorities()?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(setup)?
            .with_root_certificates(roots);
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| file(key, &error))?;
                builder.with_client_auth_cert(certificates_of(chain)?, key).map_err(setup)?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let server_name = match &self.server_name {
            None => None,
            Some(name) => Some(
                ServerName::try_from(name.clone())
                    .map_err(|_| TlsSetupError::ServerName { name: name.clone() })?,
            ),
        };
        Ok(TlsClient { config: Arc::new(config), server_name })
    }
}

fn authorities_of(path: &Path) -> Result<RootCertStore, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_of(path)? {
        roots.add(certificate).map_err(|error| file(path, &error))?;
    }
    Ok(roots)
}

fn system_authorities() -> Result<RootCertStore, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsSetupError::NoSystemAuthorities) } else { Ok(roots) }
}

fn certificates_of(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| file(path, &error))?;
    if certificates.is_empty() {
        return Err(TlsSetupError::Nothing { path: path.to_owned(), what: "certificate" });
    }
    Ok(certificates)
}

fn file(path: &Path, error: &dyn std::fmt::Display) -> TlsSetupError {
    TlsSetupError::File { path: path.to_owned(), reason: error.to_string() }
}

fn setup(error: rustls::Error) -> TlsSetupError {
    TlsSetupError::Rustls { reason: error.to_string() }
}
