//! A backend's answer, narrowed, on its way to redaction.

use std::pin::Pin;
use std::task::{Context, Poll};

use bartizan_access::policy::Admission;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::{Body, Frame, SizeHint};

use crate::upstream::{self, Tunnel, UpstreamError};

/// Whether redaction has anything to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// What people monitor: redacted as the admission says.
    Telemetry,
    /// The backend's own program files (scripts, styles, fonts), the same for everybody: they pass as they are.
    ProgramFile,
}

/// A backend's answer. Only [`Backends::send`](crate::Backends::send) gives one.
///
/// # It cannot be forged
///
/// Neither from parts nor from bytes, and what admitted it cannot be exchanged.
/// ```compile_fail,E0624
/// # use bartizan_backend::Reply;
/// # fn forge(admission: bartizan_access::policy::Admission) {
/// Reply::json(admission, http::StatusCode::OK, http::HeaderMap::new(), bytes::Bytes::new());
/// # }
/// ```
/// ```compile_fail,E0451
/// # use bartizan_backend::{Reply, ReplyParts};
/// # fn forge(parts: ReplyParts) -> Reply {
/// let ReplyParts { status, headers, body, admission, sensitivity, asked, narrowed_query, tunnel } = parts;
/// Reply { status, headers, body, admission, sensitivity, asked, narrowed_query, tunnel }
/// # }
/// ```
/// ```compile_fail,E0616
/// # fn exchange(mut reply: bartizan_backend::Reply, other: bartizan_access::policy::Admission) {
/// reply.admission = other;
/// # }
/// ```
/// ```compile_fail,E0277
/// fn can_be_made<T: Default>() {}
/// can_be_made::<bartizan_backend::Reply>();
/// ```
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: ReplyBody,
    admission: Admission,
    sensitivity: Sensitivity,
    asked: Option<String>,
    narrowed_query: Option<String>,
    tunnel: Option<Tunnel>,
}

/// The parts of a [`Reply`], for the one who redacts and sends it.
#[derive(Debug)]
pub struct ReplyParts {
    /// The backend's status.
    pub status: StatusCode,
    /// The backend's headers, without hop-by-hop ones.
    pub headers: HeaderMap,
    /// The narrowed body.
    pub body: ReplyBody,
    /// What admitted it, and what is to be redacted.
    pub admission: Admission,
    /// Whether redaction applies.
    pub sensitivity: Sensitivity,
    /// What the request asked where its URL does not tell it: the query of a posted form, or what was to
    /// become of a silence. For the audit log.
    pub asked: Option<String>,
    /// The query as it was sent, where narrowing changed it; for the audit log.
    pub narrowed_query: Option<String>,
    /// Both halves of an upgraded connection, to be run by the one who answers 101.
    pub tunnel: Option<Tunnel>,
}

impl Reply {
    /// A backend's response that passes as it is.
    pub(crate) fn passed(admission: Admission, response: upstream::Response) -> Self {
        let upstream::Response { status, headers, body, tunnel } = response;
        let sensitivity = Sensitivity::Telemetry;
        Reply {
            status,
            headers,
            body: ReplyBody::Stream(body),
            admission,
            sensitivity,
            asked: None,
            narrowed_query: None,
            tunnel,
        }
    }

    /// A response whose body was filtered: JSON in memory, in place of the backend's.
    pub(crate) fn json(
        admission: Admission,
        status: StatusCode,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Self {
        for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG, header::LAST_MODIFIED] {
            headers.remove(name);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let sensitivity = Sensitivity::Telemetry;
        Reply {
            status,
            headers,
            body: ReplyBody::Full(body),
            admission,
            sensitivity,
            asked: None,
            narrowed_query: None,
            tunnel: None,
        }
    }

    /// The same, but as a file of the backend's own program.
    #[must_use]
    pub(crate) fn program_file(mut self) -> Self {
        self.sensitivity = Sensitivity::ProgramFile;
        self
    }

    /// The same, with what the request asked where its URL does not tell it.
    #[must_use]
    pub(crate) fn asked(mut self, asked: Option<String>) -> Self {
        self.asked = asked;
        self
    }

    /// The same, with the query that was sent in place of the client's.
    #[must_use]
    pub(crate) fn narrowed(mut self, query: String) -> Self {
        self.narrowed_query = Some(query);
        self
    }

    /// Takes it apart, to be redacted and sent.
    pub fn into_parts(self) -> ReplyParts {
        let Reply { status, headers, body, admission, sensitivity, asked, narrowed_query, tunnel } = self;
        ReplyParts { status, headers, body, admission, sensitivity, asked, narrowed_query, tunnel }
    }
}

/// A reply's body.
#[derive(Debug)]
pub enum ReplyBody {
    /// In memory.
    Full(Bytes),
    /// From the backend's socket, as it comes.
    Stream(upstream::Body),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        match self.get_mut() {
            ReplyBody::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            ReplyBody::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            ReplyBody::Stream(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReplyBody::Full(bytes) => bytes.is_empty(),
            ReplyBody::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            ReplyBody::Stream(body) => body.size_hint(),
        }
    }
}
