//! Why a body could not be redacted. Offsets are facts about its shape; its content never stands in an error.

use thiserror::Error;

/// A body that cannot be redacted, so that the rest of it must not leave.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RedactError {
    /// Not JSON as RFC 8259 defines it.
    #[error("the body is not valid JSON: {expected} was expected at byte {offset}")]
    NotJson {
        /// Bytes from the start of the body to the offending token.
        offset: u64,
        /// What could have stood there.
        expected: &'static str,
    },
    /// A JSON string holds bytes that are not UTF-8.
    #[error("the body is not valid JSON: the string at byte {offset} is not UTF-8")]
    NotUtf8 {
        /// Bytes from the start of the body to the stretch that holds them.
        offset: u64,
    },
    /// JSON nests deeper than is followed.
    #[error("the body nests deeper than {limit} levels at byte {offset}")]
    TooDeep {
        /// Bytes from the start of the body to the bracket that is one too many.
        offset: u64,
        /// Levels that are followed.
        limit: usize,
    },
    /// A JSON number is longer than is held back.
    #[error("the number at byte {offset} has more than {limit} bytes")]
    NumberTooLong {
        /// Bytes from the start of the body to the number.
        offset: u64,
        /// Bytes that a number may have.
        limit: usize,
    },
    /// The body ended inside a JSON document.
    #[error("the body ended at byte {offset}, inside a JSON document")]
    Truncated {
        /// Bytes of the body.
        offset: u64,
    },
    /// The redactor was told the end of the body before.
    #[error("the body has already ended")]
    Ended,
}
