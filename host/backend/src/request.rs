//! A request on its way to a backend.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, header};
use http_body_util::BodyExt;
use std::pin::Pin;

use crate::BackendError;

/// What a client asks of a backend, with everything removed that only concerns the client's own connection.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The canonical path below the backend's route, percent-encoded, beginning with `/`.
    pub path: String,
    /// The raw query, without `?`.
    pub query: Option<String>,
    /// Headers without the hop-by-hop ones (RFC 9110 section 7.6.1) and without those that only the gateway may set.
    pub headers: HeaderMap,
    /// The body.
    pub body: RequestBody,
    /// The largest body that is read into memory, in bytes.
    pub body_limit_bytes: usize,
    /// Whether sending it twice does no harm. [`Request::is_safe`] tells for a method; a query that is posted is
    /// also safe, which the backend's module knows. It only counts while the body is not a stream.
    pub replayable: bool,
    /// The client's half of an upgrade (RFC 9110 section 7.8), where it asks for one: to the protocol in the
    /// `upgrade` header, or to `websocket` where there is none.
    pub upgrade: Option<hyper::upgrade::OnUpgrade>,
}

/// A body that comes from the client's socket, already within the listener's limits.
pub type StreamedBody =
    Pin<Box<dyn http_body::Body<Data = Bytes, Error = Box<dyn std::error::Error + Send + Sync>>>>;

/// A request's body.
pub enum RequestBody {
    /// None; the request can be sent again.
    Empty,
    /// In memory; the request can be sent again.
    Full(Bytes),
    /// From the client's socket; it passes once.
    Stream(StreamedBody),
}

impl Request {
    /// Whether a method by itself says that a request changes nothing (RFC 9110 section 9.2.1).
    pub fn is_safe(method: &Method) -> bool {
        matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// Takes off what would make the answer compressed, a part, or "not modified": what is filtered or redacted has to be
    /// read first, and its bytes are not those that the backend's validators and ranges speak of.
    pub(crate) fn ask_for_whole_plain_answers(&mut self) {
        for name in [
            header::ACCEPT_ENCODING,
            header::RANGE,
            header::IF_RANGE,
            header::IF_NONE_MATCH,
            header::IF_MATCH,
            header::IF_MODIFIED_SINCE,
            header::IF_UNMODIFIED_SINCE,
        ] {
            self.headers.remove(name);
        }
    }

    /// Reads the body into memory, up to the limit.
    pub(crate) async fn read_body(&mut self) -> Result<Bytes, BackendError> {
        let body = std::mem::replace(&mut self.body, RequestBody::Empty);
        let mut incoming = match body {
            RequestBody::Empty => return Ok(Bytes::new()),
            RequestBody::Full(bytes) => return Ok(bytes),
            RequestBody::Stream(body) => body,
        };
        let mut read = BytesMut::new();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|_| BackendError::BodyUnreadable)?;
            if let Ok(piece) = frame.into_data() {
                if read.len() + piece.len() > self.body_limit_bytes {
                    return Err(BackendError::BodyTooLarge { limit_bytes: self.body_limit_bytes });
                }
                read.extend_from_slice(&piece);
            }
        }
        Ok(read.freeze())
    }
}
