//! E-mail addresses: the dot-atom form of RFC 5321 section 4.1.2 with the letters of RFC 6531, as people use it.
//!
//! Trigger: the at sign, also spelled `%40`, `\u0040`, `&#64;` or `&#x40;`. The local part reaches back over letters
//! and digits of any script and ``!#$%'*+-.^_~``; the characters that separate values in URLs and code (``&/=?`{|}``)
//! end it although RFC 5322 allows them. A longer local part than [`MAX_LOCAL_BYTES`] (RFC 5321 allows 64) loses that
//! many bytes and the domain. The domain has at least two labels, the last one alphabetic (or `xn--`).
//!
//! Not addresses: `git@…` (the account of code hosts), `user@host.tld:port` and `user@host.tld:/path` (logins),
//! `getty@tty1.service` (systemd units), `icon@2x.png` (files), `pkg@1.2.3`, `@Component`, `user@host`.
//! A password in a URL before a host without port (`ftp://me:secret@host.tld/`) is taken for a local part: better
//! masked than not.

use std::ops::Range;

use super::view::{EDGE, View, is_word};

/// Bytes of a local part that are followed back: four times what RFC 5321 section 4.5.3.1.1 allows.
pub(super) const MAX_LOCAL_BYTES: usize = 256;

/// RFC 5321 section 4.5.3.1.2 allows 255 octets with what encloses them.
const MAX_DOMAIN_BYTES: usize = 254;

/// Last labels that are no top-level domains but common behind an at sign in monitoring data.
const NOT_DOMAINS: [&[u8]; 18] = [
    b"service",
    b"socket",
    b"timer",
    b"mount",
    b"automount",
    b"swap",
    b"slice",
    b"scope",
    b"device",
    b"snapshot",
    b"png",
    b"jpg",
    b"jpeg",
    b"gif",
    b"svg",
    b"css",
    b"js",
    b"html",
];

pub(super) fn find(view: &View<'_>, at: usize) -> Option<Range<usize>> {
    // The domain first: in a row of at signs it is the shorter look.
    let end = domain_end(view, at + at_sign(view, at)?)?;
    let start = local_start(view, at)?;
    let refused = view.slice(start, at) == b"git" || is_login(view, end);
    (!refused).then_some(start..end)
}

/// The length of the at sign at `at`, however it is spelled.
fn at_sign(view: &View<'_>, at: usize) -> Option<usize> {
    const SPELLINGS: [&[u8]; 7] = [b"@", b"%40", b"\\u0040", b"&#64;", b"&#x40;", b"&#X40;", b"&commat;"];
    SPELLINGS.iter().find(|spelling| view.starts_with(at, spelling)).map(|spelling| spelling.len())
}

/// Where the local part that ends at `at` starts.
fn local_start(view: &View<'_>, at: usize) -> Option<usize> {
    let mut start = at;
    loop {
        let length = if is_local(view.before(start, 1)) { 1 } else { view.letter_before(start).unwrap_or(0) };
        if length == 0 || at - start + length > MAX_LOCAL_BYTES {
            break;
        }
        start -= length;
    }
    start = behind_escape(view, start);
    // Punctuation before a local part belongs to the sentence: quotes, bullets, emphasis.
    while start < at && !is_word(view.at(start)) && view.at(start).is_ascii() {
        start += 1;
    }
    (start < at).then_some(start)
}

/// The start of a local part without the rest of an escape that is left in the text, such as the `n` of `\n`, so that
/// a nested document stays valid.
fn behind_escape(view: &View<'_>, start: usize) -> usize {
    if view.before(start, 1) != b'\\' {
        return start;
    }
    match view.at(start) {
        b'n' | b'r' | b't' | b'b' | b'f' => start + 1,
        b'u' if (1..5).all(|ahead| view.at(start + ahead).is_ascii_hexdigit()) => start + 5,
        _ => start,
    }
}

/// Where the domain that starts at `start` ends: behind its last label that can be a top-level domain.
fn domain_end(view: &View<'_>, start: usize) -> Option<usize> {
    let limit = start + MAX_DOMAIN_BYTES;
    let mut end = None;
    let mut label_start = start;
    for labels in 1.. {
        let label_end = label_end(view, label_start, limit);
        let label = view.slice(label_start, label_end);
        if label.is_empty() || label[0] == b'-' {
            break;
        }
        if labels > 1 {
            end = top_level(label).map(|length| (label_start, label_start + length)).or(end);
        }
        if view.at(label_end) != b'.' || label_end >= limit {
            break;
        }
        label_start = label_end + 1;
    }
    let (label, end) = end?;
    let last = view.slice(label, end);
    (!NOT_DOMAINS.iter().any(|not| not.eq_ignore_ascii_case(last))).then_some(end)
}

fn label_end(view: &View<'_>, start: usize, limit: usize) -> usize {
    let mut end = start;
    while end < limit {
        match view.at(end) {
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => end += 1,
            _ => match view.letter_at(end) {
                Some(length) => end += length,
                None => break,
            },
        }
    }
    end
}

/// How much of a label is a top-level domain: at least two bytes of letters, ASCII or others but not both, that end
/// with the label, at a hyphen, or where the script changes (`bob@example.com谢谢`).
fn top_level(label: &[u8]) -> Option<usize> {
    if label.len() > 4 && label[..4].eq_ignore_ascii_case(b"xn--") {
        return Some(label.len());
    }
    let ascii = label[0].is_ascii();
    let is_letter = |byte: &u8| if ascii { byte.is_ascii_alphabetic() } else { !byte.is_ascii() };
    let letters = label.iter().take_while(|byte| is_letter(byte)).count();
    let ends = label.get(letters).is_none_or(|byte| !(ascii && byte.is_ascii_digit()));
    (letters >= 2 && ends).then_some(letters)
}

/// Whether a port or a path follows, as in `deploy@host.example.com:22` and `deploy@host.example.com:/srv`.
fn is_login(view: &View<'_>, end: usize) -> bool {
    if view.at(end) != b':' {
        return false;
    }
    let digits = view.digits(end + 1, 6);
    let behind = end + 1 + digits;
    // Nothing that could make the digits part of another value: that would be masked, and the port with it.
    let port = match view.at(behind) {
        b'/' | b'"' | b',' | b';' | b')' | b']' | b'}' | b'>' | b'?' | b'\n' | b'\r' | b'\t' | EDGE => true,
        b' ' => !view.at(behind + 1).is_ascii_digit(),
        _ => false,
    };
    let port = port && (1..=5).contains(&digits);
    port || view.at(end + 1) == b'/'
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'~')
}
