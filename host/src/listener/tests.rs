//! The listener over real sockets: a worker on a thread of its own, clients that behave and clients that do not.

mod clients;
mod deadlines;
mod draining;
mod http;
mod identity;
mod smuggling;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ::http::{Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::body::BodyError;
use super::*;

/// A worker with its certificate folder; stopped and joined when dropped.
pub(super) struct Gate {
    pub(super) address: SocketAddr,
    pub(super) edge: Arc<Edge>,
    pub(super) stop: CancellationToken,
    pub(super) folder: tempfile::TempDir,
    worker: Option<JoinHandle<()>>,
}

impl Gate {
    /// Starts a worker whose certificate is for `gate.example`.
    pub(super) fn open(adjust: impl FnOnce(&mut ListenerSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = ListenerSettings {
            address: "127.0.0.1:0".parse().unwrap(),
            tls: TlsSettings {
                certificates: vec![write_pair(folder.path(), "gate", "gate.example")],
                oldest_version: TlsVersion::Tls12,
            },
            redirect_from: None,
            public_host: None,
            proxy_protocol_from: Vec::new(),
            forwarded_for_depth: 0,
            limits: Limits { drain_timeout: Duration::from_secs(5), ..Limits::default() },
        };
        adjust(&mut settings);
        let bound = bind(settings.address, NonZeroUsize::MIN).unwrap().pop().unwrap();
        let address = bound.address().unwrap();
        let edge = Edge::open(settings).unwrap();
        let stop = CancellationToken::new();
        let (for_worker, until) = (Arc::clone(&edge), stop.clone());
        let worker = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, serve(bound, for_worker, Rc::new(Parrot), until)).unwrap();
        });
        Self { address, edge, stop, folder, worker: Some(worker) }
    }

    pub(super) fn plain() -> Self {
        Self::open(|_| ())
    }

    pub(super) fn with_limits(adjust: impl FnOnce(&mut Limits)) -> Self {
        Self::open(|settings| adjust(&mut settings.limits))
    }

    /// Whether the worker has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.worker.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(worker) = self.worker.take()
            && !std::thread::panicking()
        {
            worker.join().unwrap();
        }
    }
}

/// Writes a self-signed certificate as `FILE.pem` and `FILE.key`.
pub(super) fn write_pair(folder: &Path, file: &str, name: &str) -> CertificateFiles {
    let pair = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let (certificate, key) = (folder.join(format!("{file}.pem")), folder.join(format!("{file}.key")));
    std::fs::write(&certificate, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    CertificateFiles { certificate, key }
}

/// An application that says what it was asked.
pub(super) struct Parrot;

impl Application for Parrot {
    type Body = Full<Bytes>;

    async fn call(self: Rc<Self>, arrival: Arrival) -> Response<Full<Bytes>> {
        let Arrival { peer, path, host, request } = arrival;
        match path.as_str() {
            "/slow" => {
                tokio::time::sleep(Duration::from_millis(700)).await;
                say(StatusCode::OK, "slow but sure")
            }
            "/stuck" => std::future::pending().await,
            "/large" => say(StatusCode::OK, vec![b'x'; 32 << 20]),
            "/peer" => say(StatusCode::OK, peer.client.to_string()),
            "/count" => match request.into_body().collect().await {
                Ok(body) => say(StatusCode::OK, body.to_bytes().len().to_string()),
                Err(error @ BodyError::TooLarge { .. }) => {
                    say(StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
                }
                Err(error @ BodyError::Stalled { .. }) => say(StatusCode::REQUEST_TIMEOUT, error.to_string()),
                Err(error) => say(StatusCode::BAD_REQUEST, error.to_string()),
            },
            "/echo" if headers::wants_websocket(request.headers()) => {
                tokio::task::spawn_local(async move {
                    let mut stream = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
                    let mut bytes = [0; 256];
                    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                        stream.write_all(&bytes[..count]).await.unwrap();
                    }
                });
                let switching = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
                switching
                    .header("connection", "upgrade")
                    .header("upgrade", "websocket")
                    .body(Full::default())
                    .unwrap()
            }
            _ => say(StatusCode::OK, format!("{} {} {}", request.method(), host.name, request.uri())),
        }
    }

    fn refuse(&self, _: &Peer, refusal: &Refusal) -> Response<Full<Bytes>> {
        say(refusal.status(), refusal.to_string())
    }
}

fn say(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(text.into())).unwrap()
}
