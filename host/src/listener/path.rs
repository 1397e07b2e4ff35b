//! The one spelling of a request path that policy, routes and backends all see.
//!
//! A gateway is bypassed where it reads a path differently from the server behind it: `/a/%2e%2e/admin`,
//! `/admin;x`, `//admin`, `/a%2fb`. So a path is either brought into one canonical spelling, which is also what goes
//! upstream, or it is refused. Nothing is resolved or cleaned: a dot segment or an empty segment that a client sends
//! has no honest purpose, and the servers behind us disagree about its meaning.
//!
//! Promised of every [`CanonicalPath`]: it starts with `/`; no segment is empty (but the last), `.` or `..`; it holds
//! no `;`, no backslash, no encoded slash, backslash, `;` or control character; percent-encodings are upper case,
//! valid UTF-8, and stand only where the character could not stand for itself; decoding it a second time
//! changes no structure. Canonicalising it again changes nothing.
//!
//! The rules are RFC 3986 (sections 2.3, 3.3, 6.2.2) made strict.

use std::fmt;

use thiserror::Error;

/// A path in canonical spelling, starting with `/`, without the query.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct CanonicalPath(Box<str>);

/// Why a path is refused; the message is fit for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum PathError {
    /// The path does not start with a slash.
    #[error("the path must start with '/'")]
    NotAbsolute,
    /// A `%` without two hexadecimal digits.
    #[error("the path holds a '%' that two hexadecimal digits do not follow")]
    BadEncoding,
    /// `%25` in front of two hexadecimal digits.
    #[error("the path is percent-encoded twice")]
    DoubleEncoding,
    /// `%2F`, `%5C`.
    #[error("the path holds an encoded slash or backslash")]
    EncodedSlash,
    /// A backslash.
    #[error("the path holds a backslash")]
    Backslash,
    /// `;` or `%3B`.
    #[error("the path holds ';' (path parameters are not accepted)")]
    Parameter,
    /// A control character, plain or encoded.
    #[error("the path holds a control character")]
    Control,
    /// A character outside ASCII that was not encoded, a space, or `#` or `?` where the path was expected.
    #[error("the path holds a character that must be percent-encoded")]
    NotEncoded,
    /// The decoded bytes are not UTF-8 (overlong forms and surrogates included).
    #[error("the path does not decode to valid UTF-8")]
    NotUtf8,
    /// `.` or `..` as a segment, in whatever spelling.
    #[error("the path holds a '.' or '..' segment")]
    DotSegment,
    /// `//`.
    #[error("the path holds an empty segment ('//')")]
    EmptySegment,
}

impl CanonicalPath {
    /// Brings `raw` (the path of a request target, without query) into canonical spelling or refuses it.
    pub(crate) fn parse(raw: &str) -> Result<Self, PathError> {
        let bytes = raw.as_bytes();
        if bytes.first() != Some(&b'/') {
            return Err(PathError::NotAbsolute);
        }
        let canonical = match bytes.iter().all(|byte| is_plain(*byte)) {
            true => Box::from(raw),
            false => respell(bytes)?,
        };
        check_segments(&canonical)?;
        Ok(Self(canonical))
    }

    /// The path as it is matched and sent.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CanonicalPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, formatter)
    }
}

/// Whether a byte may stand for itself in a path: `pchar` of RFC 3986 and the slash, without `;`.
const fn is_plain(byte: u8) -> bool {
    matches!(byte,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~'
        | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' | b'/')
}

/// Writes each byte in its one spelling.
fn respell(raw: &[u8]) -> Result<Box<str>, PathError> {
    let mut spelled = String::with_capacity(raw.len() + 8);
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let (value, encoded) = match *byte {
            b'%' => {
                let [high, low, tail @ ..] = rest else { return Err(PathError::BadEncoding) };
                rest = tail;
                let (Some(high), Some(low)) = (hexadecimal(*high), hexadecimal(*low)) else {
                    return Err(PathError::BadEncoding);
                };
                (high << 4 | low, true)
            }
            byte => (byte, false),
        };
        spell(value, encoded, &mut spelled)?;
        decoded.push(value);
    }
    let text = std::str::from_utf8(&decoded).map_err(|_| PathError::NotUtf8)?;
    if text.chars().any(char::is_control) {
        return Err(PathError::Control);
    }
    if has_encoding(&decoded) {
        return Err(PathError::DoubleEncoding);
    }
    Ok(spelled.into_boxed_str())
}

/// Appends the one spelling of `value`, which the client sent percent-encoded or not.
fn spell(value: u8, encoded: bool, spelled: &mut String) -> Result<(), PathError> {
    match value {
        b';' => return Err(PathError::Parameter),
        b'/' | b'\\' if encoded => return Err(PathError::EncodedSlash),
        b'\\' => return Err(PathError::Backslash),
        0..=0x1f | 0x7f => return Err(PathError::Control),
        b' ' | b'#' | b'?' | 0x80.. if !encoded => return Err(PathError::NotEncoded),
        // Some servers read a plain '+' as a space, so the two spellings stay apart, each as it came.
        b'+' if encoded => push_encoded(value, spelled),
        value if is_plain(value) => spelled.push(char::from(value)),
        value => push_encoded(value, spelled),
    }
    Ok(())
}

fn push_encoded(value: u8, spelled: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    spelled.push('%');
    spelled.push(char::from(DIGITS[usize::from(value >> 4)]));
    spelled.push(char::from(DIGITS[usize::from(value & 15)]));
}

/// Whether decoded text would change if it were decoded once more.
fn has_encoding(decoded: &[u8]) -> bool {
    decoded.windows(3).any(|at| at[0] == b'%' && hexadecimal(at[1]).is_some() && hexadecimal(at[2]).is_some())
}

fn hexadecimal(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn check_segments(canonical: &str) -> Result<(), PathError> {
    let mut segments = canonical[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => return Err(PathError::DotSegment),
            "" if segments.peek().is_some() => return Err(PathError::EmptySegment),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
