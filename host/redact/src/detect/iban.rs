//! International bank account numbers: ISO 13616-1 (structure per country as in SWIFT's IBAN registry) with the check
//! digits of ISO/IEC 7064 MOD 97-10.
//!
//! Electronic form, or printed in groups of four with one space or dash between them; upper and lower case. Not inside
//! a longer run of letters and digits. A country that is not in the table is not recognised.

use std::ops::Range;

use super::view::{View, is_word};

/// For each country the account part behind the check digits: `n` digits, `a` letters, `c` either, each with a count.
#[rustfmt::skip]
const COUNTRIES: &[(&[u8; 2], &str)] = &[
    (b"AD", "n8c12"), (b"AE", "n19"), (b"AL", "n8c16"), (b"AT", "n16"), (b"AZ", "a4c20"), (b"BA", "n16"),
    (b"BE", "n12"), (b"BG", "a4n6c8"), (b"BH", "a4c14"), (b"BI", "n23"), (b"BR", "n23a1c1"), (b"BY", "c4n4c16"),
    (b"CH", "n5c12"), (b"CR", "n18"), (b"CY", "n8c16"), (b"CZ", "n20"), (b"DE", "n18"), (b"DJ", "n23"),
    (b"DK", "n14"), (b"DO", "c4n20"), (b"EE", "n16"), (b"EG", "n25"), (b"ES", "n20"), (b"FI", "n14"),
    (b"FK", "a2n12"), (b"FO", "n14"), (b"FR", "n10c11n2"), (b"GB", "a4n14"), (b"GE", "a2n16"), (b"GI", "a4c15"),
    (b"GL", "n14"), (b"GR", "n7c16"), (b"GT", "c24"), (b"HN", "a4n20"), (b"HR", "n17"), (b"HU", "n24"),
    (b"IE", "a4n14"), (b"IL", "n19"), (b"IQ", "a4n15"), (b"IS", "n22"), (b"IT", "a1n10c12"), (b"JO", "a4n4c18"),
    (b"KW", "a4c22"), (b"KZ", "n3c13"), (b"LB", "n4c20"), (b"LC", "a4c24"), (b"LI", "n5c12"), (b"LT", "n16"),
    (b"LU", "n3c13"), (b"LV", "a4c13"), (b"LY", "n21"), (b"MC", "n10c11n2"), (b"MD", "c20"), (b"ME", "n18"),
    (b"MK", "n3c10n2"), (b"MN", "n16"), (b"MR", "n23"), (b"MT", "a4n5c18"), (b"MU", "a4n19a3"), (b"NI", "a4n20"),
    (b"NL", "a4n10"), (b"NO", "n11"), (b"OM", "n3c16"), (b"PK", "a4c16"), (b"PL", "n24"), (b"PS", "a4c21"),
    (b"PT", "n21"), (b"QA", "a4c21"), (b"RO", "a4c16"), (b"RS", "n18"), (b"RU", "n14c15"), (b"SA", "n2c18"),
    (b"SC", "a4n20a3"), (b"SD", "n14"), (b"SE", "n20"), (b"SI", "n15"), (b"SK", "n20"), (b"SM", "a1n10c12"),
    (b"SO", "n19"), (b"ST", "n21"), (b"SV", "a4n20"), (b"TL", "n19"), (b"TN", "n20"), (b"TR", "n6c16"),
    (b"UA", "n6c19"), (b"VA", "n18"), (b"VG", "a4n16"), (b"XK", "n16"), (b"YE", "a4n4c18"),
];

/// Longest number, in characters (ISO 13616-1).
const MAX_CHARACTERS: usize = 34;

/// At the first digit of a run of `run` digits: the check digits, behind the country.
pub(super) fn find(view: &View<'_>, at: usize, run: usize) -> Option<Range<usize>> {
    let country = [view.before(at, 2).to_ascii_uppercase(), view.before(at, 1).to_ascii_uppercase()];
    if run < 2 || !country.iter().all(u8::is_ascii_uppercase) || view.word_before(at - 2) {
        return None;
    }
    let (_, structure) = COUNTRIES.iter().find(|(code, _)| **code == country)?;
    let mut number = [0; MAX_CHARACTERS];
    let length = 4 + parts(structure).map(|(_, count)| count).sum::<usize>();
    let end = read(view, at - 2, number.get_mut(..length)?)?;
    let number = &number[..length];
    (fits(&number[4..], structure) && remainder(number) == 1).then_some(at - 2..end)
}

/// Fills `number` from `start` on and tells where it ends.
fn read(view: &View<'_>, start: usize, number: &mut [u8]) -> Option<usize> {
    let separator = Some(view.at(start + 4)).filter(|byte| matches!(byte, b' ' | b'-'));
    let mut offset = start;
    for (index, character) in number.iter_mut().enumerate() {
        if index > 0 && index % 4 == 0 && separator == Some(view.at(offset)) {
            offset += 1;
        }
        *character = Some(view.at(offset)).filter(u8::is_ascii_alphanumeric)?.to_ascii_uppercase();
        offset += 1;
    }
    (!is_word(view.at(offset))).then_some(offset)
}

fn fits(account: &[u8], structure: &str) -> bool {
    let mut rest = account;
    parts(structure).all(|(class, count)| {
        let Some((part, behind)) = rest.split_at_checked(count) else { return false };
        rest = behind;
        part.iter().all(|byte| match class {
            b'n' => byte.is_ascii_digit(),
            b'a' => byte.is_ascii_uppercase(),
            _ => true,
        })
    })
}

/// The parts of a structure: the class of its characters and how many there are.
fn parts(structure: &str) -> impl Iterator<Item = (u8, usize)> {
    let bytes = structure.as_bytes();
    let starts = (0..bytes.len()).filter(|index| bytes[*index].is_ascii_alphabetic());
    starts.map(|start| {
        let digits = bytes[start + 1..].iter().take_while(|byte| byte.is_ascii_digit());
        (bytes[start], digits.fold(0, |count, digit| count * 10 + usize::from(digit - b'0')))
    })
}

/// ISO/IEC 7064 MOD 97-10: country and check digits moved to the end, letters as 10 to 35.
fn remainder(number: &[u8]) -> u32 {
    let (head, account) = number.split_at(4);
    account.iter().chain(head).fold(0, |remainder, byte| match byte {
        digit @ b'0'..=b'9' => (remainder * 10 + u32::from(digit - b'0')) % 97,
        letter => (remainder * 100 + u32::from(letter - b'A') + 10) % 97,
    })
}
