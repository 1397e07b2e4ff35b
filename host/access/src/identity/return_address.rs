//! Where a person goes after the login: somewhere in here, whatever the link said.
//!
//! The address travels through a form field and comes back in a `Location` header, so it is the attacker's to
//! choose. Only a path that every browser resolves to this origin passes; anything that needs thought becomes
//! `/`. What passes is not rewritten.

/// Longer addresses are not carried through the login; a query this long is a mistake or an attack.
const LONGEST: usize = 8 * 1024;

/// The address itself where it is a path (with query) on this origin, else `/`.
///
/// Refused: anything but a leading `/`; a second slash or backslash there, also percent-encoded, since some
/// servers decode before they redirect; backslashes anywhere before the query (WHATWG URL reads them as
/// slashes); control characters, spaces and non-ASCII (browsers drop tabs and newlines, so `/\t/evil` is
/// `//evil`); fragments; `@`; dot segments, which can leave `//` behind.
pub fn safe_return_address(address: &str) -> &str {
    if is_safe(address) { address } else { "/" }
}

fn is_safe(address: &str) -> bool {
    if address.len() > LONGEST || !address.starts_with('/') {
        return false;
    }
    if !address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return false;
    }
    let path = address.split_once('?').map_or(address, |(path, _)| path);
    if path.contains(['\\', '@']) {
        return false;
    }
    // Decoded as often as it takes, since nobody knows how often what comes next decodes.
    let mut decoded = path.as_bytes().to_vec();
    for _ in 0..4 {
        if !path_stays_here(&decoded) {
            return false;
        }
        let Some(next) = percent_decoded(&decoded) else { return true };
        decoded = next;
    }
    false
}

fn path_stays_here(path: &[u8]) -> bool {
    let second_slash = matches!(path.get(1), Some(b'/' | b'\\'));
    let control = path.iter().any(|byte| byte.is_ascii_control());
    let dots =
        path.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| segment == b"." || segment == b"..");
    !second_slash && !control && !dots
}

/// One decoding; none where there is nothing to decode.
fn percent_decoded(path: &[u8]) -> Option<Vec<u8>> {
    let digit = |at: usize| path.get(at).and_then(|byte| (*byte as char).to_digit(16));
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    let mut changed = false;
    while let Some(&byte) = path.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
                changed = true;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    changed.then_some(out)
}

#[cfg(test)]
mod tests;
