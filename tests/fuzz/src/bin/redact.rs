//! Redaction: however a body is cut the output is the same, redacting twice changes nothing more, and JSON stays JSON.
//!
//! The first byte of an input chooses the format, the second how the rest, the body, is cut.
#![no_main]

use bartizan_redact::{Counts, Format, Kinds, RedactError, Redactor};
use libfuzzer_sys::fuzz_target;

struct Outcome {
    out: Vec<u8>,
    result: Result<(), RedactError>,
    counts: Counts,
}

fn redact<'b>(format: Format, pieces: impl IntoIterator<Item = &'b [u8]>) -> Outcome {
    let mut redactor = Redactor::new(Kinds::all(), format);
    let mut out = Vec::new();
    let pushed = pieces.into_iter().try_for_each(|piece| redactor.push(piece, &mut out));
    let result = pushed.and_then(|()| redactor.finish(&mut out));
    Outcome { out, result, counts: redactor.counts().clone() }
}

/// Cuts `body` into pieces of varying length, chosen by `seed`.
fn pieces(body: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut state = u32::from(seed) + 1;
    let mut rest = body;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let most = [1, 4, 40, 500][usize::from(seed % 4)];
        let (piece, behind) = rest.split_at((1 + (state >> 16) as usize % most).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

fuzz_target!(|input: &[u8]| {
    let [format, seed, body @ ..] = input else { return };
    let format = if format % 2 == 0 { Format::Json } else { Format::Text };
    let whole = redact(format, [body]);
    let cut = redact(format, pieces(body, *seed));
    assert_eq!(whole.result.is_ok(), cut.result.is_ok(), "{:?} and {:?}", whole.result, cut.result);
    let is_json = format == Format::Json && serde_json::from_slice::<serde_json::Value>(body).is_ok();
    if let Err(error) = &whole.result {
        assert!(format == Format::Json, "text has no errors, but {error}");
        assert!(!is_json || matches!(error, RedactError::NumberTooLong { .. }), "{error}");
        return;
    }
    assert!(whole.out == cut.out, "{:?}\n{:?}", text(&whole.out), text(&cut.out));
    assert_eq!(whole.counts, cut.counts);
    if whole.counts.total() == 0 {
        assert!(whole.out == body, "nothing was found, but bytes changed");
    }
    if is_json {
        assert!(serde_json::from_slice::<serde_json::Value>(&whole.out).is_ok(), "{:?}", text(&whole.out));
    }
    let again = redact(format, [&whole.out[..]]);
    assert!(again.out == whole.out, "{:?}\n{:?}\n{:?}", text(body), text(&whole.out), text(&again.out));
});

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
