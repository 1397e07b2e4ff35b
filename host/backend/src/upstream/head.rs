//! Heads: a request's as it is written, a response's as it is read (RFC 9112 sections 2 to 6).

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::failure::{ProtocolError, UpstreamError};
use super::framing::{Chunked, Framing};
use super::settings::{HostHeader, Replica};

/// The largest response head. Security policies and cookies of large web programs reach 16 KB.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The most header fields in a response. What is seen in the field stays below 40.
const MAX_FIELDS: usize = 128;

/// How a request's body is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    /// No body, and no field about it: for methods that have none.
    Nothing,
    Length(u64),
    Chunked,
}

/// What a request's head says, but for its framing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
    pub(super) upgrade: bool,
}

/// Writes a request's head. Header names and values, and the method, cannot hold line breaks by their types; path
/// and query are looked at.
pub(super) fn write(
    output: &mut Vec<u8>,
    request: &Target<'_>,
    replica: &Replica,
    host: &HostHeader,
    announced: Announced,
) -> Result<(), UpstreamError> {
    if !request.path.starts_with('/') || !is_target(request.path) || !request.query.is_none_or(is_target) {
        return Err(UpstreamError::Unsendable { reason: "path or query holds a forbidden character" });
    }
    output.extend_from_slice(request.method.as_str().as_bytes());
    output.push(b' ');
    output.extend_from_slice(replica.prefix().as_bytes());
    output.extend_from_slice(request.path.as_bytes());
    if let Some(query) = request.query {
        output.push(b'?');
        output.extend_from_slice(query.as_bytes());
    }
    output.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    let host = match host {
        HostHeader::Replica => replica.authority(),
        HostHeader::Client => request.headers.get(header::HOST).unwrap_or(replica.authority()),
        HostHeader::Fixed(host) => host,
    };
    output.extend_from_slice(host.as_bytes());
    output.extend_from_slice(b"\r\n");
    for (name, value) in request.headers {
        if !is_ours(name) {
            write_field(output, name.as_str(), value.as_bytes());
        }
    }
    match announced {
        Announced::Nothing => {}
        Announced::Length(length) => write_field(output, "content-length", length.to_string().as_bytes()),
        Announced::Chunked => write_field(output, "transfer-encoding", b"chunked"),
    }
    if request.upgrade {
        let protocol = request.headers.get(header::UPGRADE).map_or(&b"websocket"[..], HeaderValue::as_bytes);
        write_field(output, "upgrade", protocol);
        write_field(output, "connection", b"upgrade");
    }
    output.extend_from_slice(b"\r\n");
    Ok(())
}

fn write_field(output: &mut Vec<u8>, name: &str, value: &[u8]) {
    output.extend_from_slice(name.as_bytes());
    output.extend_from_slice(b": ");
    output.extend_from_slice(value);
    output.extend_from_slice(b"\r\n");
}

/// Whether it can stand in a request line: visible ASCII, and no fragment.
fn is_target(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// Fields that are about this connection or about framing: we alone write them. `Expect` was answered by the
/// listener, when it began to read the body.
fn is_ours(name: &HeaderName) -> bool {
    matches!(name.as_str(), "host" | "content-length" | "expect") || is_hop_by_hop(name)
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

/// A response's head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    /// Without hop-by-hop fields, but `upgrade` with a 101.
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    /// Whether another request may follow on the connection, once the body is read.
    pub(super) reusable: bool,
}

/// Looks for the end of a head, from where the last look ended.
#[derive(Debug, Default)]
pub(super) struct Scan {
    looked_at: usize,
    line_start: usize,
}

impl Scan {
    /// Where the head ends, behind its empty line; nothing where it is not complete.
    pub(super) fn end(&mut self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let version = b"HTTP/1.";
        if !input.iter().zip(version).all(|(read, expected)| read == expected) {
            return Err(if input.starts_with(b"HTTP/") {
                ProtocolError::Version
            } else {
                ProtocolError::Head
            });
        }
        while let Some(offset) = memchr::memchr(b'\n', input.get(self.looked_at..).unwrap_or_default()) {
            let line_feed = self.looked_at + offset;
            if line_feed == self.line_start || input.get(line_feed - 1) != Some(&b'\r') {
                return Err(ProtocolError::BareLineFeed);
            }
            self.looked_at = line_feed + 1;
            if line_feed == self.line_start + 1 {
                return within_limit(self.looked_at).map(|()| Some(self.looked_at));
            }
            self.line_start = self.looked_at;
        }
        self.looked_at = input.len();
        within_limit(self.looked_at).map(|()| None)
    }
}

fn within_limit(head_bytes: usize) -> Result<(), ProtocolError> {
    if head_bytes > MAX_HEAD_BYTES { Err(ProtocolError::HeadTooLarge) } else { Ok(()) }
}

/// Reads a complete head of `end` bytes, which it takes away. `bodiless` is for answers to HEAD.
pub(super) fn read(input: &mut BytesMut, end: usize, bodiless: bool) -> Result<Head, ProtocolError> {
    let bytes = input.split_to(end).freeze();
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut parsed, &bytes, &mut fields) {
        Ok(httparse::Status::Complete(length)) if length == end => {}
        Err(httparse::Error::Version) => return Err(ProtocolError::Version),
        Err(httparse::Error::TooManyHeaders) => return Err(ProtocolError::HeadTooLarge),
        Ok(_) | Err(_) => return Err(ProtocolError::Head),
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(ProtocolError::Head)?;
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    let mut about = About::default();
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| ProtocolError::Head)?;
        if about.takes(&name, field.value)? {
            headers.append(name, value_of(&bytes, field.value)?);
        }
    }
    if about.named.iter().any(|name| headers.contains_key(name)) {
        // Taking single fields out would change the order of the others.
        let kept = headers.iter().filter(|(name, _)| !about.named.contains(name));
        headers = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    }
    let switched = status == StatusCode::SWITCHING_PROTOCOLS;
    if let Some(protocol) = about.upgrade.filter(|_| switched) {
        headers.insert(header::UPGRADE, value_of(&bytes, protocol)?);
    }
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        // Such an answer must not have it, and a client could wait for the body that it promises.
        headers.remove(header::CONTENT_LENGTH);
    }
    let newer = parsed.version == Some(1);
    let framing = about.framing(status, newer, bodiless)?;
    // Where a body is announced that must not come, a server that breaks the rule sends it nevertheless, maybe late: it
    // would be read as the answer to the next request.
    let may_follow = framing == Framing::Done && about.announces_a_body();
    let reusable = newer && !about.close && framing != Framing::UntilClose && !may_follow;
    Ok(Head { status, headers, framing, reusable })
}

fn value_of(head: &Bytes, value: &[u8]) -> Result<HeaderValue, ProtocolError> {
    if value.is_empty() {
        return Ok(HeaderValue::from_static(""));
    }
    HeaderValue::from_maybe_shared(head.slice_ref(value)).map_err(|_| ProtocolError::Head)
}

/// What the fields say about the connection and the framing.
#[derive(Default)]
struct About<'a> {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    upgrade: Option<&'a [u8]>,
    /// Fields that `Connection` names.
    named: Vec<HeaderName>,
}

impl<'a> About<'a> {
    /// Looks at a field. Whether it may travel on (RFC 9110 section 7.6.1).
    ///
    /// It is stricter than the standard where that leaves a choice (RFC 9112 section 6.3).
    fn takes(&mut self, name: &HeaderName, value: &'a [u8]) -> Result<bool, ProtocolError> {
        match name.as_str() {
            "content-length" if self.length.is_some() => return Err(ProtocolError::ContentLength),
            "content-length" => {
                self.length = Some(decimal(value).ok_or(ProtocolError::ContentLength)?);
                return Ok(true);
            }
            "transfer-encoding" if self.chunked || !value.eq_ignore_ascii_case(b"chunked") => {
                return Err(ProtocolError::TransferCoding);
            }
            "transfer-encoding" => self.chunked = true,
            "upgrade" => self.upgrade = Some(value),
            "connection" => {
                for token in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    if token.eq_ignore_ascii_case(b"close") {
                        self.close = true;
                    } else if !token.eq_ignore_ascii_case(b"keep-alive")
                        && let Ok(name) = HeaderName::from_bytes(token)
                    {
                        self.named.push(name);
                    }
                }
            }
            _ => return Ok(!is_hop_by_hop(name)),
        }
        Ok(false)
    }

    fn announces_a_body(&self) -> bool {
        self.chunked || self.length.is_some_and(|length| length > 0)
    }

    /// Where the body ends (RFC 9112 section 6.3).
    fn framing(&self, status: StatusCode, newer: bool, bodiless: bool) -> Result<Framing, ProtocolError> {
        if self.chunked && !newer {
            // In HTTP/1.0 it means that somebody on the way did not understand the framing.
            return Err(ProtocolError::TransferCoding);
        }
        if self.chunked && self.length.is_some() {
            return Err(ProtocolError::TwoFramings);
        }
        let never = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bodiless || never || status.is_informational() {
            return Ok(Framing::Done);
        }
        Ok(match self.length {
            Some(0) => Framing::Done,
            Some(length) => Framing::Length(length),
            None if self.chunked => Framing::Chunked(Chunked::default()),
            None => Framing::UntilClose,
        })
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    // 18 digits cannot overflow 64 bits.
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
