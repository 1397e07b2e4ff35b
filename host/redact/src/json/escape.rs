//! Reads one escape sequence of a JSON string (RFC 8259 section 7).

/// What stands at a backslash.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// A character, and the bytes that spell it.
    Character(char, usize),
    /// The bytes at hand do not tell yet.
    Incomplete,
    Invalid,
}

/// Bytes of `\uXXXX`.
const UNIT_BYTES: usize = 6;

/// The escape sequence that `bytes` begin with. Half a surrogate pair is read as a replacement character.
pub(super) fn read(bytes: &[u8]) -> Escape {
    let simple = |character| Escape::Character(character, 2);
    match bytes.get(1) {
        None => Escape::Incomplete,
        Some(b'"') => simple('"'),
        Some(b'\\') => simple('\\'),
        Some(b'/') => simple('/'),
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{c}'),
        Some(b'n') => simple('\n'),
        Some(b'r') => simple('\r'),
        Some(b't') => simple('\t'),
        Some(b'u') => read_unit(bytes),
        Some(_) => Escape::Invalid,
    }
}

fn read_unit(bytes: &[u8]) -> Escape {
    let high = match unit(bytes) {
        Ok(high @ 0xD800..0xDC00) => high,
        Ok(other) => {
            return Escape::Character(
                char::from_u32(other).unwrap_or(char::REPLACEMENT_CHARACTER),
                UNIT_BYTES,
            );
        }
        Err(escape) => return escape,
    };
    match unit(&bytes[UNIT_BYTES..]) {
        Ok(low @ 0xDC00..0xE000) => {
            let character = char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00));
            Escape::Character(character.unwrap_or(char::REPLACEMENT_CHARACTER), 2 * UNIT_BYTES)
        }
        Err(Escape::Incomplete) => Escape::Incomplete,
        _ => Escape::Character(char::REPLACEMENT_CHARACTER, UNIT_BYTES),
    }
}

/// The UTF-16 unit that is spelled `\uXXXX` at the start of `bytes`.
fn unit(bytes: &[u8]) -> Result<u32, Escape> {
    let spelled = &bytes[..bytes.len().min(UNIT_BYTES)];
    let mut value = 0;
    for (index, byte) in spelled.iter().enumerate() {
        let fits = match index {
            0 => *byte == b'\\',
            1 => *byte == b'u',
            _ => byte.is_ascii_hexdigit(),
        };
        if !fits {
            return Err(Escape::Invalid);
        }
        if index > 1 {
            value = value * 16 + char::from(*byte).to_digit(16).unwrap_or_default();
        }
    }
    if spelled.len() < UNIT_BYTES { Err(Escape::Incomplete) } else { Ok(value) }
}
