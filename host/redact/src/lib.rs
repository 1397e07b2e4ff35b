//! Bytes in, bytes out: personal data is replaced while a body streams through.
//!
//! Answers of monitoring systems hold personal data that nobody put there on purpose: an e-mail address in a label,
//! a card number in an annotation. A [`Redactor`] takes a body piece by piece and replaces what it finds by a fixed
//! token (`[email]`, `[card]`, `[iban]`, `[phone]`, `[ip]`) that tells neither length nor content.
//!
//! # Promises
//! - The output does not depend on how the body was cut into pieces.
//! - Memory for a stream is bounded (below 1 MiB beside the caller's own buffers), whatever the body.
//! - Where nothing is found, the output is byte-identical to the input. Valid JSON stays valid JSON.
//! - Redacting twice changes nothing more.
//! - Fails closed: after an error nothing more leaves, and the redactor answers every later call with the same error.
//! - Time grows linearly with the body, also on input that was made to hurt.
//!
//! # What is not caught
//! The `@` of an address is recognised raw and as `%40`, `\u0040`, `&#64;` and `&#x40;`; every other indirection is
//! not looked through: base64, compression, percent-encoded digits and separators, HTML entities in general,
//! full-width digits, soft hyphens and zero-width characters inside a value, values that are spread over several
//! JSON strings, quoted local parts (`"john doe"@example.com`), national phone numbers outside the North American
//! plan, addresses with dashes (`ip-10-0-0-1`), and dotted quads that are zero-padded. The detectors say more.
//!
//! No I/O happens here.

mod detect;
mod error;
mod json;
mod kind;
mod passage;
#[cfg(test)]
mod tests;

pub use error::RedactError;
pub use kind::{Counts, Kind, Kinds, UnknownKind};

use detect::Finder;
use json::Walker;
use passage::Passage;

/// The largest stretch of a piece that is worked on at once; bounds the copies that are held inside.
const PIECE_BYTES: usize = 64 * 1024;

/// How the bytes of a body are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON (RFC 8259) of any nesting up to 256 levels: one document, NDJSON, or documents one after another with
    /// or without white space between them (a bare number, `true`, `false` or `null` needs white space after it).
    /// An empty body is no document and passes. Whatever else is an error.
    ///
    /// The contents of strings are searched as text, after their escapes are decoded, object names included (two
    /// names of an object may become equal, which RFC 8259 allows). An integer of 13 to 19 digits that is a card
    /// number becomes the string `"[card]"`. Sample values of the Prometheus HTTP API are left alone: see
    /// the `json` module.
    Json,
    /// Anything textual: Prometheus exposition, error pages, plain text. Bytes that are not UTF-8 pass, as
    /// separators.
    Text,
}

/// Redacts one body, piece by piece.
///
/// ```
/// use bartizan_redact::{Format, Kinds, Redactor};
///
/// let mut redactor = Redactor::new(Kinds::all(), Format::Json);
/// let mut out = Vec::new();
/// for piece in [r#"{"user":"bob\u0040exam"#, r#"ple.com"}"#] {
///     redactor.push(piece.as_bytes(), &mut out)?;
/// }
/// redactor.finish(&mut out)?;
/// assert_eq!(out, br#"{"user":"[email]"}"#);
/// # Ok::<(), bartizan_redact::RedactError>(())
/// ```
#[derive(Debug)]
pub struct Redactor {
    counts: Counts,
    finder: Finder,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// No kind was asked for: bytes pass unread.
    Pass,
    Json(Walker),
    Text(Passage),
    /// The end, or a failure, was reported; this is what later calls get.
    Closed(RedactError),
}

impl Redactor {
    /// A redactor for one body. Without any kind, bytes pass unread and JSON is not checked.
    pub fn new(kinds: Kinds, format: Format) -> Self {
        let finder = Finder::new(kinds, format == Format::Text);
        let stage = match format {
            _ if kinds.is_empty() => Stage::Pass,
            Format::Json => Stage::Json(Walker::default()),
            Format::Text => Stage::Text(Passage::verbatim()),
        };
        Self { counts: Counts::default(), finder, stage }
    }

    /// Takes the next piece of the body and appends to `out` all bytes that are safe to leave.
    ///
    /// # Errors
    /// The body is not what its format promises, or has ended. What was appended to `out` until then is safe;
    /// the rest of the body must not be sent.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), RedactError> {
        out.reserve(input.len());
        for piece in input.chunks(PIECE_BYTES) {
            let done = match &mut self.stage {
                Stage::Pass => {
                    out.extend_from_slice(piece);
                    Ok(())
                }
                Stage::Json(walker) => walker.push(piece, &self.finder, &mut self.counts, out),
                Stage::Text(passage) => {
                    passage.push(piece);
                    passage.settle(&self.finder, &mut self.counts, out);
                    Ok(())
                }
                Stage::Closed(error) => Err(error.clone()),
            };
            self.close_on_error(done)?;
        }
        Ok(())
    }

    /// The end of the body: appends what was held back. Later calls are errors.
    ///
    /// # Errors
    /// As for [`push`](Self::push); also when a JSON document is not complete.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), RedactError> {
        let done = match &mut self.stage {
            Stage::Pass => Ok(()),
            Stage::Json(walker) => walker.finish(&self.finder, &mut self.counts, out),
            Stage::Text(passage) => {
                passage.end(&self.finder, &mut self.counts, out);
                Ok(())
            }
            Stage::Closed(error) => Err(error.clone()),
        };
        self.close_on_error(done)?;
        self.stage = Stage::Closed(RedactError::Ended);
        Ok(())
    }

    /// How many values of each kind were replaced so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn close_on_error(&mut self, done: Result<(), RedactError>) -> Result<(), RedactError> {
        if let Err(error) = &done {
            self.stage = Stage::Closed(error.clone());
        }
        done
    }
}
