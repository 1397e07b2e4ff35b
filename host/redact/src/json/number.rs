//! The grammar of JSON numbers (RFC 8259 section 6).

/// Whether `text` is a number.
pub(super) fn is_number(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let integer = integer_digits(unsigned);
    integer > 0 && ends_number(&unsigned[integer..])
}

/// How many bytes at the start of `text` are the integer part of a number without its sign.
pub(super) fn integer_digits(text: &[u8]) -> usize {
    if text.first() == Some(&b'0') { 1 } else { digits(text) }
}

/// Whether a byte can belong to a number.
pub(super) fn is_part(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

/// Whether `text` is a fraction and an exponent, both optional.
fn ends_number(text: &[u8]) -> bool {
    let mut rest = text;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        _ => false,
    }
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}
