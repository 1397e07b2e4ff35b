//! Replicas behind TLS.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use super::*;

struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    /// A certificate for this name with its key, in PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// Answers with `ok` over TLS; asks for a certificate of the authority where there is one.
async fn secure(authority: &Authority, name: &str, clients: Option<&Authority>) -> Server {
    let (chain, key) = authority.issue(name);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(clients.certificate.as_bytes()).unwrap()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()];
    let config =
        builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::following(move |peer| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(peer.stream).await else { return };
            let mut read = Vec::new();
            while stream.read_buf(&mut read).await.unwrap_or(0) > 0 {
                if read.ends_with(b"\r\n\r\n") {
                    let truncated = read.starts_with(b"GET /until-close");
                    read.clear();
                    let answer = if truncated {
                        "HTTP/1.1 200 OK\r\n\r\nhalf"
                    } else {
                        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                    };
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    stream.flush().await.unwrap();
                    if truncated {
                        return;
                    }
                }
            }
        }
    })
    .await
}

fn saved(folder: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn trusting(folder: &TempDir, authority: &Authority) -> TlsFiles {
    TlsFiles { ca: Some(saved(folder, "ca.pem", &authority.certificate)), ..TlsFiles::default() }
}

fn secure_pool(server: &Server, host: &str, files: &TlsFiles) -> Pool {
    let url = format!("https://{host}:{}", server.address.port());
    pool_with(PoolSettings { tls: Some(files.load().unwrap()), ..settings(&[url]) }).0
}

#[tokio::test]
async fn a_replica_with_a_trusted_certificate_is_asked_again_on_its_connection() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
    let server = secure(&authority, "127.0.0.1", None).await;
    let pool = secure_pool(&server, "127.0.0.1", &trusting(&folder, &authority));
    for _ in 0..5 {
        assert_eq!(body_of(pool.send(get("/")).await.unwrap()).await.unwrap(), "ok");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn another_authority_or_another_name_is_refused() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
    let server = secure(&authority, "127.0.0.1", None).await;
    let strangers = trusting(&folder, &Authority::new());
    let error = secure_pool(&server, "127.0.0.1", &strangers).send(get("/")).await.unwrap_err();
    assert!(matches!(error, UpstreamError::NoReplica { tried: 1, .. }), "{error}");
    let files = trusting(&folder, &authority);
    let error = secure_pool(&server, "localhost", &files).send(get("/")).await.unwrap_err();
    assert!(matches!(error, UpstreamError::NoReplica { tried: 1, .. }), "{error}");
    let files = TlsFiles { server_name: Some("prometheus.inner".to_owned()), ..files };
    let server = secure(&authority, "prometheus.inner", None).await;
    assert!(secure_pool(&server, "127.0.0.1", &files).send(get("/")).await.is_ok());
}

#[tokio::test]
async fn a_replica_that_asks_who_we_are_is_shown_our_certificate() {
    let (folder, authority, clients) = (TempDir::new().unwrap(), Authority::new(), Authority::new());
    let server = secure(&authority, "127.0.0.1", Some(&clients)).await;
    let files = trusting(&folder, &authority);
    secure_pool(&server, "127.0.0.1", &files).send(get("/")).await.unwrap_err();
    let (chain, key) = clients.issue("gateway");
    let client = Some((saved(&folder, "gateway.pem", &chain), saved(&folder, "gateway.key", &key)));
    let pool = secure_pool(&server, "127.0.0.1", &TlsFiles { client, ..files });
    assert_eq!(body_of(pool.send(get("/")).await.unwrap()).await.unwrap(), "ok");
}

#[tokio::test]
async fn a_body_until_close_without_tls_end_is_cut() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
    let server = secure(&authority, "127.0.0.1", None).await;
    let pool = secure_pool(&server, "127.0.0.1", &trusting(&folder, &authority));
    let response = pool.send(get("/until-close")).await.unwrap();
    assert!(matches!(body_of(response).await, Err(UpstreamError::BodyCut { .. })));
}

#[test]
fn files_that_do_not_hold_what_they_should_are_named() {
    let folder = TempDir::new().unwrap();
    let missing = TlsFiles { ca: Some(folder.path().join("missing.pem")), ..TlsFiles::default() };
    assert!(missing.load().unwrap_err().to_string().contains("missing.pem"));
    let empty = TlsFiles { ca: Some(saved(&folder, "empty.pem", "")), ..TlsFiles::default() };
    assert!(empty.load().unwrap_err().to_string().contains("empty.pem holds no certificate"));
    let authority = Authority::new();
    let (one, _) = authority.issue("one");
    let (_, other) = authority.issue("two");
    let client = Some((saved(&folder, "one.pem", &one), saved(&folder, "two.key", &other)));
    assert!(TlsFiles { client, ..trusting(&folder, &authority) }.load().is_err(), "the key is another's");
    let name = TlsFiles { server_name: Some("a b".to_owned()), ..trusting(&folder, &authority) };
    assert!(matches!(name.load(), Err(TlsSetupError::ServerName { .. })));
}
