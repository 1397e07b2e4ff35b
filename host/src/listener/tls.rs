//! Certificates: which is served to whom, and how new ones take over.
//!
//! One `rustls` configuration serves all workers for the life of the process, so tickets for resumption stay good;
//! what changes on reload is only the table of certificates behind it. So no connection notices a reload.
//! A reload is all or nothing: if one certificate is unreadable, malformed or does not fit its key, all of the old ones
//! go on, and the log says why.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use ring::digest;
use rustls::CipherSuite;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring as ring_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::settings::{CertificateFiles, TlsSettings, TlsVersion};

/// How often the files are looked at. Their contents are compared, so neither clock granularity nor
/// the symbolic links that Kubernetes swaps can hide a change.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why certificates cannot be used.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    /// No certificate is configured.
    #[error("no certificate is configured: TLS needs at least one certificate and its key")]
    NoCertificate,
    /// A file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file holds no PEM of the expected kind.
    #[error("{} holds no valid PEM {kind}: {cause}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        kind: &'static str,
        /// What is wrong with it.
        cause: rustls::pki_types::pem::Error,
    },
    /// The key does not belong to the certificate, or either cannot be used.
    #[error("{} and {} cannot be used together: {cause}", certificate.display(), key.display())]
    Pair {
        /// The chain.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        cause: rustls::Error,
    },
    /// No protocol configuration could be made.
    #[error("cannot configure TLS: {0}")]
    Configuration(rustls::Error),
}

/// The certificates in force, and the configuration that serves them.
pub(crate) struct TlsStore {
    files: Vec<CertificateFiles>,
    table: Arc<Table>,
    config: Arc<ServerConfig>,
    /// Digest of the contents that were last looked at, accepted or not, so that a refusal is logged once.
    seen: Mutex<digest::Digest>,
}

impl TlsStore {
    /// Reads all certificates and makes the configuration.
    pub(crate) fn load(settings: &TlsSettings) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(provider());
        let contents = read_all(&settings.certificates)?;
        let table = Arc::new(Table(ArcSwap::from_pointee(Certificates::parse(&contents, &provider)?)));
        let versions: &[&rustls::SupportedProtocolVersion] = match settings.oldest_version {
            TlsVersion::Tls12 => &[&TLS13, &TLS12],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(TlsError::Configuration)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&table) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Tickets are sealed, not stored: they serve all workers, and cost no memory. One is enough: clients open
        // further connections by HTTP/2 streams. Early data stays off, as it can be replayed.
        config.ticketer = ring_provider::Ticketer::new().map_err(TlsError::Configuration)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 1;
        config.ignore_client_order = true;
        let seen = Mutex::new(fingerprint(&contents));
        Ok(Arc::new(Self { files: settings.certificates.clone(), table, config: Arc::new(config), seen }))
    }

    /// The configuration for new connections.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Looks at the files every second until `stop`, and has changed ones take over. May run on any runtime.
    pub(crate) async fn watch(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match self.reload() {
                Ok(true) => tracing::info!("certificates reloaded"),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "certificates not reloaded; the old ones stay in force")
                }
            }
        }
    }

    /// Takes over the files' contents if they have changed since they were last looked at; true if they took over.
    /// An error is returned once for the same contents.
    pub(crate) fn reload(&self) -> Result<bool, TlsError> {
        let contents = match read_all(&self.files) {
            Ok(contents) => contents,
            Err(error) => return if self.is_news(fingerprint(&[])) { Err(error) } else { Ok(false) },
        };
        if !self.is_news(fingerprint(&contents)) {
            return Ok(false);
        }
        let certificates = Certificates::parse(&contents, self.config.crypto_provider())?;
        self.table.0.store(Arc::new(certificates));
        Ok(true)
    }

    fn is_news(&self, now: digest::Digest) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = std::mem::replace(&mut *seen, now);
        before.as_ref() != now.as_ref()
    }
}

/// ring, with AES-128 first: it is as good a choice as AES-256 against anything known and costs a quarter less.
fn provider() -> CryptoProvider {
    let mut provider = ring_provider::default_provider();
    let is_aes_128 = |suite: CipherSuite| {
        matches!(
            suite,
            CipherSuite::TLS13_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    };
    provider.cipher_suites.sort_by_key(|suite| !is_aes_128(suite.suite()));
    provider
}

/// The bytes of one certificate's files.
struct Contents {
    files: CertificateFiles,
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

fn read_all(files: &[CertificateFiles]) -> Result<Vec<Contents>, TlsError> {
    let read = |path: &Path| fs::read(path).map_err(|cause| TlsError::Read { path: path.into(), cause });
    let contents = |files: &CertificateFiles| {
        let (certificate, key) = (read(&files.certificate)?, read(&files.key)?.into());
        Ok(Contents { files: files.clone(), certificate, key })
    };
    files.iter().map(contents).collect()
}

fn fingerprint(contents: &[Contents]) -> digest::Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    for content in contents {
        for part in [&content.certificate[..], &content.key[..]] {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
    }
    context.finish()
}

/// What the configuration asks for a certificate.
#[derive(Debug)]
struct Table(ArcSwap<Certificates>);

impl ResolvesServerCert for Table {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0
            .load()
            .find(hello.server_name(), |key| key.key.choose_scheme(hello.signature_schemes()).is_some())
    }
}

/// Certificates by name.
#[derive(Debug, Default)]
struct Certificates {
    in_order: Vec<Arc<CertifiedKey>>,
    /// Names in lower case; a wildcard stands as its parent with a leading dot.
    by_name: HashMap<Box<str>, Vec<Arc<CertifiedKey>>>,
}

impl Certificates {
    fn parse(contents: &[Contents], provider: &CryptoProvider) -> Result<Self, TlsError> {
        let mut certificates = Self::default();
        for content in contents {
            certificates.add(content, provider)?;
        }
        if certificates.in_order.is_empty() { Err(TlsError::NoCertificate) } else { Ok(certificates) }
    }

    fn add(&mut self, content: &Contents, provider: &CryptoProvider) -> Result<(), TlsError> {
        let CertificateFiles { certificate, key } = &content.files;
        let pem = |path: &Path, kind| {
            let path = path.to_owned();
            move |cause| TlsError::Pem { path, kind, cause }
        };
        let pair = |cause| TlsError::Pair { certificate: certificate.clone(), key: key.clone(), cause };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&content.certificate)
            .collect::<Result<_, _>>()
            .map_err(pem(certificate, "certificate"))?;
        let Some(leaf) = chain.first().cloned() else {
            return Err(pem(certificate, "certificate")(rustls::pki_types::pem::Error::NoItemsFound));
        };
        let private_key = PrivateKeyDer::from_pem_slice(&content.key).map_err(pem(key, "private key"))?;
        let certified = Arc::new(CertifiedKey::from_der(chain, private_key, provider).map_err(pair)?);
        let leaf = webpki::EndEntityCert::try_from(&leaf)
            .map_err(|_| pair(rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding)))?;
        for name in leaf.valid_dns_names() {
            let name = name.strip_prefix('*').unwrap_or(name).to_ascii_lowercase().into_boxed_str();
            self.by_name.entry(name).or_default().push(Arc::clone(&certified));
        }
        self.in_order.push(certified);
        Ok(())
    }

    /// The certificate for a name: exact, else by wildcard, else the first; of several the first whose key `fits`.
    fn find(&self, name: Option<&str>, fits: impl Fn(&CertifiedKey) -> bool) -> Option<Arc<CertifiedKey>> {
        let named = name.map(str::to_ascii_lowercase).and_then(|name| {
            let parent = name.find('.').map(|dot| &name[dot..]);
            self.by_name.get(&*name).or_else(|| self.by_name.get(parent?))
        });
        let first_fit = |keys: &[Arc<CertifiedKey>]| keys.iter().find(|key| fits(key)).cloned();
        named.and_then(|keys| first_fit(keys)).or_else(|| first_fit(&self.in_order))
    }
}

#[cfg(test)]
mod tests;
