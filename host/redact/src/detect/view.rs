//! A text as a validator sees it: with edges that are no characters, and nothing before the last value.

/// A text from the end of the last value on.
#[derive(Clone, Copy)]
pub(super) struct View<'t> {
    text: &'t [u8],
    barrier: usize,
}

/// What stands beyond an edge: a byte that no value holds.
pub(super) const EDGE: u8 = 0;

impl<'t> View<'t> {
    pub(super) fn new(text: &'t [u8], barrier: usize) -> Self {
        Self { text, barrier }
    }

    pub(super) fn at(&self, offset: usize) -> u8 {
        self.text.get(offset).copied().unwrap_or(EDGE)
    }

    /// The byte `back` places before `offset`.
    pub(super) fn before(&self, offset: usize, back: usize) -> u8 {
        match offset.checked_sub(back) {
            Some(place) if place >= self.barrier => self.at(place),
            _ => EDGE,
        }
    }

    /// The bytes from `start` to `end`, or to the end of the text.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        self.text.get(start..end.min(self.text.len())).unwrap_or_default()
    }

    pub(super) fn starts_with(&self, offset: usize, what: &[u8]) -> bool {
        self.text.get(offset..).is_some_and(|rest| rest.starts_with(what))
    }

    /// How many digits stand at `offset`, counted up to `most`.
    pub(super) fn digits(&self, offset: usize, most: usize) -> usize {
        let rest = self.text.get(offset..).unwrap_or_default();
        rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// Whether the byte before `offset` is an ASCII letter, digit or `_` of the same word. The letter of an escape
    /// that is left in the text (`\n` in a nested document or in Prometheus exposition) is not.
    pub(super) fn word_before(&self, offset: usize) -> bool {
        let byte = self.before(offset, 1);
        is_word(byte) && !(matches!(byte, b'n' | b'r' | b't') && self.before(offset, 2) == b'\\')
    }

    /// As [`word_before`](Self::word_before), but next to an underscore a word may begin: `peer_10.1.2.3`.
    pub(super) fn alphanumeric_before(&self, offset: usize) -> bool {
        self.word_before(offset) && self.before(offset, 1) != b'_'
    }

    /// Whether a decimal fraction or a dotted number goes on before `offset`: a digit and a point.
    pub(super) fn fraction_before(&self, offset: usize) -> bool {
        self.before(offset, 1) == b'.' && self.before(offset, 2).is_ascii_digit()
    }

    /// Whether a decimal fraction or a dotted number goes on at `offset`: a point and a digit.
    pub(super) fn fraction_at(&self, offset: usize) -> bool {
        self.at(offset) == b'.' && self.at(offset + 1).is_ascii_digit()
    }

    /// The length of the letter or digit outside ASCII that starts at `offset`.
    pub(super) fn letter_at(&self, offset: usize) -> Option<usize> {
        let length = match self.at(offset) {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => return None,
        };
        let character = std::str::from_utf8(self.text.get(offset..offset + length)?).ok()?.chars().next()?;
        character.is_alphanumeric().then_some(length)
    }

    /// The length of the letter or digit outside ASCII that ends right before `offset`.
    pub(super) fn letter_before(&self, offset: usize) -> Option<usize> {
        (2..=4)
            .take_while(|length| offset.checked_sub(*length).is_some_and(|start| start >= self.barrier))
            .find(|length| self.letter_at(offset - length) == Some(*length))
    }
}

/// A byte of an identifier: values do not start or end inside one.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
