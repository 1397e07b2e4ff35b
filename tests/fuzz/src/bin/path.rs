//! Paths: whatever is accepted is in one spelling, and no second reading of it finds other segments.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../../host/src/listener/path.rs"]
mod path;

use path::CanonicalPath;

/// Percent-decoding as a lenient server does it.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high << 4 | low) as u8);
                at += 3;
            }
            (byte, ..) => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    bytes
}

fuzz_target!(|input: &str| {
    let Ok(path) = CanonicalPath::parse(input) else { return };
    let path = path.as_str();
    assert_eq!(CanonicalPath::parse(path).expect("accepted once").as_str(), path);
    assert!(path.starts_with('/') && path.bytes().all(|byte| (0x21..0x7f).contains(&byte)));
    let once = decoded(path.as_bytes());
    assert_eq!(once, decoded(input.as_bytes()), "the meaning has changed");
    assert_eq!(once, decoded(&once), "a second decoding finds something else");
    let text = std::str::from_utf8(&once).expect("decodes to UTF-8");
    assert!(!text.contains([';', '\\']) && !text.chars().any(char::is_control));
    assert_eq!(text.matches('/').count(), path.matches('/').count(), "a slash in disguise");
    assert!(!text.contains("//") && !text.split('/').any(|segment| matches!(segment, "." | "..")));
});
