//! A strict second reading of HTTP/1.1 framing, in front of the HTTP library.
//!
//! The library is lenient where RFC 9112 lets it be: it ends lines at a bare LF, prefers `Transfer-Encoding` over
//! `Content-Length`, accepts a length said twice, ignores chunk extensions, drops a fragment. Each leniency is a place where a
//! proxy in front of us may have seen another message boundary. [`Framing`] follows the same bytes, refuses those,
//! and adds nothing: it can only make the edge stricter. Where it and the library disagreed, the message would be
//! refused, not passed.
//!
//! Refused: lines not ended by CRLF; folded lines; a fragment in the target; `Content-Length` twice, with a sign, or
//! next to `Transfer-Encoding`; any transfer coding but `chunked`, said once; chunk sizes with extensions;
//! lines beyond the limit on heads.

use memchr::memchr;

/// The most that the library reads at once; above this, larger reads were measured to gain nothing.
pub(super) const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Where in the stream of requests the bytes stand.
#[derive(Debug)]
pub(super) struct Framing {
    place: Place,
    most_line_bytes: usize,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    length: Option<u64>,
    chunked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    BetweenRequests,
    RequestLine,
    Headers,
    Body {
        remaining: u64,
    },
    ChunkSize,
    Chunk {
        remaining: u64,
    },
    ChunkEnd,
    Trailers,
}

/// The bytes from `at` on must not be handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Offset in the inspected bytes of the line, or the part of it, that breaks the rules.
    pub(super) at: usize,
}

impl Framing {
    /// Stands before the first request. Lines may be longer than `head_bytes` by one read: the library, which
    /// answers a head that is too large with 431, shall come to see it.
    pub(super) fn new(head_bytes: usize) -> Self {
        let most_line_bytes = head_bytes.saturating_add(READ_BUFFER_BYTES);
        Self { place: Place::default(), most_line_bytes, line: Vec::new(), length: None, chunked: false }
    }

    /// Follows `bytes`, the next ones of the stream. After a violation no more may be inspected.
    pub(super) fn inspect(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += match self.place {
                // An empty line before a request line is skipped (RFC 9112 section 2.2); so does the library.
                Place::BetweenRequests if matches!(rest[0], b'\r' | b'\n') => 1,
                Place::BetweenRequests => {
                    self.place = Place::RequestLine;
                    0
                }
                Place::Body { remaining } => {
                    let taken = within(remaining, rest);
                    self.place = match remaining - taken as u64 {
                        0 => Place::BetweenRequests,
                        remaining => Place::Body { remaining },
                    };
                    taken
                }
                Place::Chunk { remaining } => {
                    let taken = within(remaining, rest);
                    self.place = match remaining - taken as u64 {
                        0 => Place::ChunkEnd,
                        remaining => Place::Chunk { remaining },
                    };
                    taken
                }
                Place::RequestLine
                | Place::Headers
                | Place::ChunkSize
                | Place::ChunkEnd
                | Place::Trailers => self.follow_line(rest).ok_or(Violation { at })?,
            };
        }
        Ok(())
    }

    /// Whether part of a request head has come, but not all of it.
    pub(super) fn is_within_head(&self) -> bool {
        matches!(self.place, Place::RequestLine | Place::Headers)
    }

    /// Whether the next byte belongs to a new request.
    pub(super) fn is_between_requests(&self) -> bool {
        self.place == Place::BetweenRequests
    }

    /// Takes the rest of the current line, or all there is of it; `None` when it breaks the rules.
    fn follow_line(&mut self, rest: &[u8]) -> Option<usize> {
        let Some(end) = memchr(b'\n', rest) else {
            self.line.extend_from_slice(rest);
            return (self.line.len() <= self.most_line_bytes).then_some(rest.len());
        };
        if self.line.len() + end > self.most_line_bytes {
            return None;
        }
        let buffered = std::mem::take(&mut self.line);
        if buffered.is_empty() {
            self.end_line(rest[..end].strip_suffix(b"\r")?)?;
        } else {
            let mut line = buffered;
            line.extend_from_slice(&rest[..end]);
            self.end_line(line.strip_suffix(b"\r")?)?;
        }
        Some(end + 1)
    }

    fn end_line(&mut self, line: &[u8]) -> Option<()> {
        self.place = match self.place {
            Place::RequestLine => {
                (self.length, self.chunked) = (None, false);
                memchr(b'#', line).is_none().then_some(Place::Headers)?
            }
            Place::Headers if line.is_empty() => match (self.chunked, self.length) {
                (true, None) => Place::ChunkSize,
                (false, None | Some(0)) => Place::BetweenRequests,
                (false, Some(remaining)) => Place::Body { remaining },
                (true, Some(_)) => return None,
            },
            Place::Headers => {
                self.note_header(line)?;
                Place::Headers
            }
            Place::ChunkSize => match chunk_size(line)? {
                0 => Place::Trailers,
                remaining => Place::Chunk { remaining },
            },
            Place::ChunkEnd => line.is_empty().then_some(Place::ChunkSize)?,
            Place::Trailers if line.is_empty() => Place::BetweenRequests,
            Place::Trailers => (!is_folded(line)).then_some(Place::Trailers)?,
            Place::BetweenRequests | Place::Body { .. } | Place::Chunk { .. } => return None,
        };
        Some(())
    }

    fn note_header(&mut self, line: &[u8]) -> Option<()> {
        match line[0] | 0x20 {
            _ if is_folded(line) => return None,
            b'c' => {
                if let Some(value) = value_of(b"content-length", line) {
                    let length = decimal(value)?;
                    if self.length.replace(length).is_some() || self.chunked {
                        return None;
                    }
                }
            }
            b't' => {
                if let Some(value) = value_of(b"transfer-encoding", line) {
                    if self.chunked || self.length.is_some() || !value.eq_ignore_ascii_case(b"chunked") {
                        return None;
                    }
                    self.chunked = true;
                }
            }
            _ => {}
        }
        Some(())
    }
}

/// How many of the bytes lie within the next `remaining`.
fn within(remaining: u64, bytes: &[u8]) -> usize {
    usize::try_from(remaining).unwrap_or(usize::MAX).min(bytes.len())
}

fn is_folded(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

/// The trimmed value of the header line, if it is of this name (in lower case).
fn value_of<'line>(name: &[u8], line: &'line [u8]) -> Option<&'line [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// A length as RFC 9110 writes it: digits alone.
fn decimal(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// A chunk size without extensions, at most sixteen digits.
fn chunk_size(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    let plain = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests;
