//! Phone numbers, conservatively: only what is written as a phone number is taken for one.
//!
//! - International, ITU-T E.164: `+` or `00`, an assigned country code, 8 to 15 digits in all (9 if written without
//!   separators), between them spaces, dashes, dots and one pair of parentheses. With `00` and without separators,
//!   at least 11 digits and not North America, because numbers are padded with zeros.
//! - North American Numbering Plan: `(212) 555-0123`, `212-555-0123`, `212.555.0123`, also behind `1` and the same
//!   separator; area and exchange begin with 2 to 9.
//!
//! The length of national numbers is not known here, so that a short number that follows one in groups
//! (`+44 20 7946 0958 200`) may be taken along. National forms elsewhere are not recognised; a bare run of digits never is.

use std::ops::Range;

use super::view::{View, is_word};

/// ITU-T E.164 section 6.1: country code and national number together.
const MAX_DIGITS: usize = 15;

/// Digits of the shortest national numbers with their country code.
const MIN_DIGITS: usize = 8;

/// A group with as many digits is a number by itself: a space ends it.
const FULL_GROUP_DIGITS: usize = 7;

/// At the first digit of a run of `run` digits.
pub(super) fn find_at_digit(view: &View<'_>, at: usize, run: usize) -> Option<Range<usize>> {
    if view.word_before(at) || view.fraction_before(at) {
        return None;
    }
    let separator = view.at(at + run);
    if view.starts_with(at, b"00") && (b'1'..=b'9').contains(&view.at(at + 2)) {
        let end = international(view, at + 2)?;
        let bare = end.groups == 1;
        return (!bare || (end.digits >= 11 && view.at(at + 2) != b'1')).then_some(at..end.offset);
    }
    if !matches!(separator, b'-' | b'.') || (view.before(at, 1) == b'-' && is_word(view.before(at, 2))) {
        return None;
    }
    let area = match (run, view.at(at)) {
        (3, _) => at,
        (1, b'1') => at + 2,
        _ => return None,
    };
    let exchange = area + 4;
    let shaped = view.digits(area, 4) == 3 && view.at(area + 3) == separator && is_plan_code(view, area);
    let end = shaped.then(|| subscriber(view, exchange, |byte| byte == separator)).flatten()?;
    Some(at..end)
}

/// At a `(`: the parentheses around an area code.
pub(super) fn find_at_paren(view: &View<'_>, at: usize) -> Option<Range<usize>> {
    let area = at + 1;
    if view.digits(area, 4) != 3 || view.at(area + 3) != b')' || !is_plan_code(view, area) {
        return None;
    }
    let exchange = area + 4 + usize::from(matches!(view.at(area + 4), b' ' | b'-'));
    let end = subscriber(view, exchange, |byte| matches!(byte, b'-' | b'.' | b' '))?;
    Some(at..end)
}

/// At a `+`.
pub(super) fn find_at_plus(view: &View<'_>, at: usize) -> Option<Range<usize>> {
    if view.word_before(at) || !(b'1'..=b'9').contains(&view.at(at + 1)) {
        return None;
    }
    let end = international(view, at + 1)?;
    (end.groups > 1 || end.digits > MIN_DIGITS).then_some(at..end.offset)
}

/// Where the exchange and the last four digits end that stand at `exchange`.
fn subscriber(view: &View<'_>, exchange: usize, is_separator: impl Fn(u8) -> bool) -> Option<usize> {
    let line = exchange + 4;
    let end = line + 4;
    let shaped = view.digits(exchange, 4) == 3
        && is_plan_code(view, exchange)
        && is_separator(view.at(exchange + 3))
        && view.digits(line, 5) == 4;
    (shaped && !is_word(view.at(end))).then_some(end)
}

/// Area codes and exchanges of the North American Numbering Plan begin with 2 to 9.
fn is_plan_code(view: &View<'_>, at: usize) -> bool {
    (b'2'..=b'9').contains(&view.at(at))
}

/// A place where an international number can end.
struct End {
    offset: usize,
    digits: usize,
    groups: usize,
}

/// The longest international number whose country code starts at `start`.
fn international(view: &View<'_>, start: usize) -> Option<End> {
    let mut number = [0; MAX_DIGITS];
    let (mut digits, mut groups, mut offset, mut open) = (0, 0, start, false);
    let mut longest = None;
    loop {
        let group = view.digits(offset, MAX_DIGITS + 1);
        if group == 0 || digits + group > MAX_DIGITS {
            break;
        }
        number[digits..digits + group].copy_from_slice(view.slice(offset, offset + group));
        digits += group;
        groups += 1;
        offset += group;
        if !open && !is_word(view.at(offset)) && is_number(&number[..digits]) {
            longest = Some(End { offset, digits, groups });
        }
        match separator(view, offset, &mut open) {
            Some(b" ") if group >= FULL_GROUP_DIGITS => break,
            Some(between) => offset += between.len(),
            None => break,
        }
    }
    longest
}

/// What stands between two groups of digits at `offset`, if another group follows.
fn separator<'t>(view: &View<'t>, offset: usize, open: &mut bool) -> Option<&'t [u8]> {
    let length = (0..4)
        .take_while(|ahead| matches!(view.at(offset + ahead), b' ' | b'-' | b'.' | b'(' | b')'))
        .count();
    let between = view.slice(offset, offset + length);
    match between {
        b" " | b"-" | b"." => {}
        b"(" | b" (" | b"-(" if !*open => *open = true,
        b")" | b") " | b")-" | b")." => *open = false,
        b" - " => {}
        _ => return None,
    }
    view.at(offset + length).is_ascii_digit().then_some(between)
}

/// Whether `digits`, from the country code on, are as many as a number there has.
fn is_number(digits: &[u8]) -> bool {
    match digits {
        [b'1', national @ ..] => {
            national.len() == 10
                && (b'2'..=b'9').contains(&national[0])
                && (b'2'..=b'9').contains(&national[3])
        }
        [b'7', national @ ..] => national.len() == 10,
        _ => digits.len() >= MIN_DIGITS && has_country_code(digits),
    }
}

/// Whether the digits begin with a country code that the ITU has assigned (list of 2016 with its amendments).
fn has_country_code(digits: &[u8]) -> bool {
    let [first, second, third, ..] = digits else { return false };
    match (first, second) {
        (b'2', b'0' | b'7') | (b'3', b'0'..=b'4' | b'6' | b'9') | (b'4', b'0' | b'1' | b'3'..=b'9') => true,
        (b'5', b'1'..=b'8') | (b'6', b'0'..=b'6') | (b'8', b'1' | b'2' | b'4' | b'6') => true,
        (b'9', b'0'..=b'5' | b'8') => true,
        (b'2', b'1') => matches!(third, b'1' | b'2' | b'3' | b'6' | b'8'),
        (b'2', b'2'..=b'6') | (b'3', b'5') | (b'5', b'0' | b'9') | (b'6', b'7') => true,
        (b'2', b'9') => matches!(third, b'0' | b'1' | b'7'..=b'9'),
        (b'3', b'7') => true,
        (b'3', b'8') => *third != b'4' && *third != b'8',
        (b'4', b'2') => matches!(third, b'0' | b'1' | b'3'),
        (b'6', b'8') => *third != b'4',
        (b'6', b'9') => matches!(third, b'0'..=b'2'),
        (b'8', b'0') => matches!(third, b'0' | b'8'),
        (b'8', b'5') => matches!(third, b'0' | b'2' | b'3' | b'5' | b'6'),
        (b'8', b'7') => matches!(third, b'0' | b'8'),
        (b'8', b'8') => matches!(third, b'0'..=b'3' | b'6' | b'8'),
        (b'9', b'6') => *third != b'9',
        (b'9', b'7') => matches!(third, b'0'..=b'7' | b'9'),
        (b'9', b'9') => matches!(third, b'2'..=b'6' | b'8'),
        _ => false,
    }
}
