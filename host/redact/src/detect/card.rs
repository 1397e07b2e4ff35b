//! Payment card numbers: ISO/IEC 7812-1, that is 13 to 19 digits, an issuer that exists, and the check digit of its
//! annex B (Luhn).
//!
//! Written without separators or in the groups that are printed on cards, with one space or dash between them. Not
//! inside a longer run of letters and digits, and not in a decimal number. Epochs in any unit begin with 1 until 2033
//! and match no issuer; one in ten other numbers with an issuer's digits passes the check by chance, which no detector
//! can know. In Prometheus exposition the sample value (and time) behind a label set is not looked at.

use std::ops::Range;

use super::view::{View, is_word};

/// Longest card number, in digits.
const MAX_DIGITS: usize = 19;

/// How the digits are grouped in print, longest first.
const GROUPINGS: [&[usize]; 7] = [
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 4, 1],
];

/// At the first digit of a run of `run` digits; `exposition` tells that the text may be Prometheus exposition.
pub(super) fn find(view: &View<'_>, at: usize, run: usize, exposition: bool) -> Option<Range<usize>> {
    let possible = (13..=MAX_DIGITS).contains(&run) || (run == 4 && matches!(view.at(at + 4), b' ' | b'-'));
    if !possible || !has_issuer_digit(view.at(at)) || view.word_before(at) || view.fraction_before(at) {
        return None;
    }
    if run > 4 {
        let end = at + run;
        let ends = !is_word(view.at(end)) && !view.fraction_at(end);
        let found = ends && is_card_number(view.slice(at, end)) && !(exposition && is_sample(view, at, end));
        return found.then_some(at..end);
    }
    GROUPINGS.iter().find_map(|grouping| grouped(view, at, grouping)).map(|end| at..end)
}

/// Where the number ends that is written at `at` in the groups of `grouping`.
fn grouped(view: &View<'_>, at: usize, grouping: &[usize]) -> Option<usize> {
    let separator = view.at(at + 4);
    let mut number = [0; MAX_DIGITS];
    let mut length = 0;
    let mut offset = at;
    for group in grouping {
        if offset > at {
            if view.at(offset) != separator {
                return None;
            }
            offset += 1;
        }
        if view.digits(offset, group + 1) != *group {
            return None;
        }
        number[length..length + group].copy_from_slice(view.slice(offset, offset + group));
        length += group;
        offset += group;
    }
    let ends = !is_word(view.at(offset)) && !view.fraction_at(offset);
    (ends && is_card_number(&number[..length])).then_some(offset)
}

/// Whether `digits` (ASCII, nothing else) is a card number.
pub(crate) fn is_card_number(digits: &[u8]) -> bool {
    has_issuer(digits) && passes_luhn(digits)
}

fn has_issuer_digit(digit: u8) -> bool {
    matches!(digit, b'2'..=b'6' | b'8' | b'9')
}

/// Whether the first digits are those of a card scheme and the length is one that it issues.
fn has_issuer(digits: &[u8]) -> bool {
    let length = digits.len();
    if !(13..=MAX_DIGITS).contains(&length) {
        return false;
    }
    let first_six = digits[..6].iter().fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'));
    match first_six {
        // Visa
        400_000..=499_999 => matches!(length, 13 | 16 | 19),
        // American Express
        340_000..=349_999 | 370_000..=379_999 => length == 15,
        // Mastercard
        510_000..=559_999 | 222_100..=272_099 => length == 16,
        // Mir
        220_000..=220_499 => (16..=19).contains(&length),
        // Diners Club
        300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999 => {
            (14..=19).contains(&length)
        }
        // JCB
        352_800..=358_999 => (16..=19).contains(&length),
        // Maestro
        500_000..=509_999 | 560_000..=589_999 | 630_400..=630_499 | 639_000..=639_099 | 670_000..=679_999 => {
            true
        }
        // Discover, RuPay (60, 65, 81, 82), UnionPay (62, 81)
        600_000..=629_999 | 644_000..=659_999 | 810_000..=829_999 => (16..=19).contains(&length),
        // Troy
        979_200..=979_299 => length == 16,
        _ => false,
    }
}

/// The check digit of ISO/IEC 7812-1 annex B: from the right every second digit doubled, digits added.
fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match u32::from(digit - b'0') {
            digit if place % 2 == 0 => digit,
            digit if digit < 5 => digit * 2,
            digit => digit * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether the number is a sample value of Prometheus exposition: `…"} 4111111111111111 1700000000000`, to the end of
/// the line. A label value cannot pretend to be one, for its quotes are escaped and it holds no line end.
fn is_sample(view: &View<'_>, at: usize, end: usize) -> bool {
    let labelled = view.before(at, 1) == b' '
        && view.before(at, 2) == b'}'
        && view.before(at, 3) == b'"'
        && view.before(at, 4) != b'\\';
    let behind = if view.at(end) == b' ' { timestamp_end(view, end + 1) } else { end };
    labelled && matches!(view.at(behind), b'\n' | b'\r')
}

/// Where the timestamp ends that stands at `start`: 10 or 13 digits of an epoch, with a fraction or without. No card
/// and no phone number begins with 1.
fn timestamp_end(view: &View<'_>, start: usize) -> usize {
    let end = match view.digits(start, 14) {
        digits @ (10 | 13) if view.at(start) == b'1' => start + digits,
        _ => return start,
    };
    if view.fraction_at(end) { end + 1 + view.digits(end + 1, 20) } else { end }
}
