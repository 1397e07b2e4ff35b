//! The last stage: a backend's reply is redacted and becomes the answer that the listener sends.
//!
//! An [`Answer`] is made from a [`Reply`] by [`redacted`], or from the gateway's own words. There is
//! no other way, so nothing of a backend reaches a client around redaction. What cannot be
//! redacted is refused.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bartizan_access::policy::{Permit, Redactions};
use bartizan_backend::upstream::{Tunnel, UpstreamError};
use bartizan_backend::{Reply, ReplyBody, Sensitivity};
use bartizan_redact::{Format, Kind, Kinds, RedactError, Redactor};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use crate::failure::Failure;
use crate::request::Entry;

/// The headers of a redacted answer. Others can hold personal data, or describe bytes that are no longer the same
/// (length, entity tag, ranges, digests).
const KEPT_WHEN_REDACTED: [header::HeaderName; 8] = [
    header::CONTENT_TYPE,
    header::CACHE_CONTROL,
    header::EXPIRES,
    header::DATE,
    header::VARY,
    header::ALLOW,
    header::RETRY_AFTER,
    header::LOCATION,
];

/// What a client is sent.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    source: Source,
    tunnel: Option<Tunnel>,
}

impl Answer {
    /// The gateway's own words.
    pub(crate) fn own(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Answer { status, headers, source: Source::Own(body.into()), tunnel: None }
    }

    /// A redirection of a browser, by GET.
    pub(crate) fn see_other(location: &str) -> Self {
        let mut answer = Answer::own(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", Bytes::new());
        if let Ok(location) = HeaderValue::from_str(location) {
            answer.headers.insert(header::LOCATION, location);
        }
        answer
    }

    /// The same with a header more.
    #[must_use]
    pub(crate) fn with(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The status that is sent.
    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Both halves of an upgraded connection, to be run once the answer is sent.
    pub(crate) fn take_tunnel(&mut self) -> Option<Tunnel> {
        self.tunnel.take()
    }

    /// The response for the listener; its audit record is kept when the body ends or is given up.
    pub(crate) fn into_response(self, mut entry: Entry) -> Response<AnswerBody> {
        entry.record.status = self.status.as_u16();
        let mut response = Response::new(AnswerBody { source: self.source, entry });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Redacts a reply as its admission says. The permit is the one by which it was fetched.
pub(crate) fn redacted(_permit: &Permit, reply: Reply, entry: &mut Entry) -> Result<Answer, Failure> {
    let parts = reply.into_parts();
    entry.record.action = Some(parts.admission.action());
    entry.record.roles = parts.admission.roles().to_vec();
    entry.record.narrowed_query = parts.narrowed_query;
    entry.record.asked = parts.asked;
    let mut headers = parts.headers;
    keep_to_itself(&mut headers);
    let kinds = match parts.sensitivity {
        Sensitivity::Telemetry => kinds(parts.admission.redactions()),
        Sensitivity::ProgramFile => Kinds::default(),
    };
    if kinds.is_empty() {
        return Ok(Answer {
            status: parts.status,
            headers,
            source: Source::Reply(parts.body),
            tunnel: parts.tunnel,
        });
    }
    if parts.tunnel.is_some() {
        return Err(Failure::Unredactable { what: "an upgraded connection".into() });
    }
    // Nothing is redacted in nothing: an answer without a body may lack a media type.
    let source = if parts.body.is_end_stream() {
        Source::Reply(parts.body)
    } else {
        let redactor = Box::new(Redactor::new(kinds, format_of(&headers)?));
        Source::Redacted { body: parts.body, redactor, ended: false }
    };
    let headers = redacted_headers(&headers, kinds)?;
    Ok(Answer { status: parts.status, headers, source, tunnel: None })
}

/// Takes out what a backend must not do in the gateway's name: speak of the gateway's cookies, clear the browser's
/// storage, name another line of the audit log.
fn keep_to_itself(headers: &mut HeaderMap) {
    for name in ["clear-site-data", "x-request-id"] {
        headers.remove(name);
    }
    let is_ours = |cookie: &HeaderValue| cookie.as_bytes().trim_ascii_start().starts_with(b"__Host-bartizan");
    if headers.get_all(header::SET_COOKIE).iter().any(is_ours) {
        let others: Vec<HeaderValue> =
            headers.get_all(header::SET_COOKIE).iter().filter(|cookie| !is_ours(cookie)).cloned().collect();
        headers.remove(header::SET_COOKIE);
        for cookie in others {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
}

/// What may stand at the head of a redacted answer; an address to go to is redacted as text.
fn redacted_headers(headers: &HeaderMap, kinds: Kinds) -> Result<HeaderMap, Failure> {
    let mut kept = HeaderMap::new();
    for name in KEPT_WHEN_REDACTED {
        for value in headers.get_all(&name) {
            kept.append(&name, value.clone());
        }
    }
    if let Some(location) = headers.get(header::LOCATION) {
        let unredactable = || Failure::Unredactable { what: "the address that the answer leads to".into() };
        let mut text = Vec::new();
        let mut redactor = Redactor::new(kinds, Format::Text);
        redactor.push(location.as_bytes(), &mut text).map_err(|_| unredactable())?;
        redactor.finish(&mut text).map_err(|_| unredactable())?;
        kept.insert(header::LOCATION, HeaderValue::from_bytes(&text).map_err(|_| unredactable())?);
    }
    Ok(kept)
}

/// The redaction crate's kinds in the policy's order.
pub(crate) fn vocabulary() -> Vec<&'static str> {
    Kind::ALL.iter().map(|kind| kind.name()).collect()
}

fn kinds(redactions: Redactions) -> Kinds {
    redactions.positions().filter_map(|position| Kind::ALL.get(position).copied()).collect()
}

fn format_of(headers: &HeaderMap) -> Result<Format, Failure> {
    if let Some(coding) = headers.get(header::CONTENT_ENCODING) {
        return Err(Failure::Unredactable { what: format!("the content coding {coding:?}") });
    }
    let mut media_types = headers.get_all(header::CONTENT_TYPE).iter();
    let media_type =
        media_types.next().and_then(|value| value.to_str().ok()).unwrap_or("").to_ascii_lowercase();
    if media_types.next().is_some() {
        return Err(Failure::Unredactable { what: "an answer with two media types".into() });
    }
    let mut parameters = media_type.split(';').map(str::trim);
    let essence = parameters.next().unwrap_or("").to_owned();
    for parameter in parameters {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.trim() == "charset" && !matches!(value.trim().trim_matches('"'), "utf-8" | "us-ascii") {
            return Err(Failure::Unredactable { what: format!("the media type {media_type}") });
        }
    }
    match essence.as_str() {
        "application/json" => Ok(Format::Json),
        "application/openmetrics-text" => Ok(Format::Text),
        text if text.starts_with("text/") => Ok(Format::Text),
        "" => Err(Failure::Unredactable { what: "an answer without a media type".into() }),
        _ => Err(Failure::Unredactable { what: format!("the media type {essence}") }),
    }
}

/// Why an answer ends before its end: the connection is cut, so that nobody takes it for whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    /// The backend broke off.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The body is not what its media type says.
    #[error("the body cannot be redacted: {0}")]
    Redaction(#[from] RedactError),
}

enum Source {
    Own(Bytes),
    Reply(ReplyBody),
    Redacted { body: ReplyBody, redactor: Box<Redactor>, ended: bool },
}

/// An answer's body. Dropping it keeps the audit record.
pub(crate) struct AnswerBody {
    source: Source,
    entry: Entry,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let this = self.get_mut();
        let frame = match &mut this.source {
            Source::Own(bytes) if bytes.is_empty() => None,
            Source::Own(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Source::Reply(body) => {
                ready!(Pin::new(body).poll_frame(context)).map(|frame| frame.map_err(AnswerError::from))
            }
            Source::Redacted { body, redactor, ended } => {
                ready!(poll_redacted(body, redactor, ended, context))
            }
        };
        match &frame {
            None => this.entry.record.complete = true,
            Some(Ok(frame)) => {
                this.entry.record.sent_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Some(Err(error)) => {
                tracing::warn!(request_id = %this.entry.record.request_id, %error, "the answer was cut");
                this.entry.record.reason = Some(error.to_string());
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(bytes) => bytes.is_empty(),
            Source::Reply(body) => body.is_end_stream(),
            Source::Redacted { ended, .. } => *ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Reply(body) => body.size_hint(),
            Source::Redacted { .. } => SizeHint::default(),
        }
    }
}

fn poll_redacted(
    body: &mut ReplyBody,
    redactor: &mut Redactor,
    ended: &mut bool,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
    let mut out = Vec::new();
    while !*ended {
        match ready!(Pin::new(&mut *body).poll_frame(context)) {
            Some(Ok(frame)) => {
                let Ok(piece) = frame.into_data() else { continue };
                if let Err(error) = redactor.push(&piece, &mut out) {
                    *ended = true;
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
            Some(Err(error)) => {
                *ended = true;
                return Poll::Ready(Some(Err(error.into())));
            }
            None => {
                *ended = true;
                if let Err(error) = redactor.finish(&mut out) {
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
        }
        if !out.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(out.into()))));
        }
    }
    Poll::Ready(None)
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        match &self.source {
            Source::Own(bytes) => self.entry.record.complete |= bytes.is_empty(),
            Source::Reply(body) => self.entry.record.complete |= body.is_end_stream(),
            Source::Redacted { redactor, .. } => {
                let counts = redactor.counts().iter().filter(|(_, count)| *count > 0);
                self.entry.record.redacted = counts.map(|(kind, count)| (kind.name(), count)).collect();
            }
        }
        self.entry.keep();
    }
}
