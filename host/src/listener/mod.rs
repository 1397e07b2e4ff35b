//! The edge: connections become requests here, and nothing malformed, endless or ambiguous gets further.
//!
//! Promised to the [`Application`]: it is called with requests that came over TLS, whose head is complete, within
//! limits and framed in one way only; with a path in [canonical spelling](path::CanonicalPath) and a host that
//! all parts of the request agree on; with a body that ends, or fails, within its size and its time. Certificates
//! change and the process drains without a dropped request.
//!
//! Refused, each with its reason ([`Refusal`]): targets and headers that a server behind us might read differently,
//! bodies that are too large. Closed without an answer: connections beyond the limit, handshakes and heads that take
//! too long. Left to the application: who is asking, and taking the client's headers off what goes upstream
//! ([`headers`]).
//!
//! A worker is one thread with a current-thread runtime and a `LocalSet`; each runs [`serve`] on its own socket.

mod bind;
pub(crate) mod body;
mod exchange;
mod forwarded;
mod framing;
pub(crate) mod headers;
mod http1;
mod http2;
mod network;
pub(crate) mod path;
mod places;
mod proxy;
mod pulse;
mod redirect;
mod serve;
mod settings;
mod stream;
pub(crate) mod target;
mod tls;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use thiserror::Error;

pub(crate) use bind::{BoundListener, bind};
pub(crate) use body::{BodyError, RequestBody};
pub(crate) use network::Network;
pub(crate) use places::ListenerCounts;
pub(crate) use redirect::serve_redirect;
pub(crate) use serve::{Edge, serve};
pub(crate) use settings::{CertificateFiles, Limits, ListenerSettings, TlsSettings, TlsVersion};
pub(crate) use tls::{TlsError, TlsStore};

/// What answers requests.
///
/// The futures stay on the worker's thread, so they need not be `Send`. A future is dropped when its client is gone.
pub(crate) trait Application: 'static {
    /// The body of answers; an error of it ends the connection (HTTP/1.1) or the stream (HTTP/2).
    type Body: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Unpin
        + 'static;

    /// Answers a request. For a WebSocket, answers 101 and takes `hyper::upgrade::on(request)`.
    fn call(self: Rc<Self>, arrival: Arrival) -> impl Future<Output = Response<Self::Body>> + 'static;

    /// Words the answer to a request that the edge refuses.
    fn refuse(&self, peer: &Peer, refusal: &Refusal) -> Response<Self::Body>;
}

/// A request that has passed the edge.
pub(crate) struct Arrival {
    /// Who is at the other end.
    pub(crate) peer: Peer,
    /// The path that routes, policy and backends use.
    pub(crate) path: path::CanonicalPath,
    /// The host that the client asked for.
    pub(crate) host: target::Host,
    /// The request; its URI is the canonical path and the query, its headers are the client's.
    pub(crate) request: Request<RequestBody>,
}

/// The other end of the connection, as far as the network tells.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The client, after a trusted PROXY header and trusted `X-Forwarded-For` entries.
    pub(crate) client: IpAddr,
}

/// Why the edge refuses a request; the message is fit for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    /// The target is ambiguous or malformed.
    #[error(transparent)]
    Target(#[from] target::TargetError),
    /// A header asks for what is not done here.
    #[error(transparent)]
    Header(#[from] headers::HeaderError),
    /// The declared length of the body is above the limit.
    #[error("the request body is larger than {limit_bytes} bytes")]
    BodyTooLarge {
        /// The limit.
        limit_bytes: u64,
    },
}

impl Refusal {
    /// The status that says so.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Target(target::TargetError::Method) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Header(headers::HeaderError::Expectation) => StatusCode::EXPECTATION_FAILED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Target(_) | Self::Header(_) => StatusCode::BAD_REQUEST,
        }
    }
}
