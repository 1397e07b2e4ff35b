//! Internet addresses: IPv4 in dotted decimal and IPv6 in the text forms of RFC 4291 section 2.2.
//!
//! A port, prefix length or zone behind the address stays. Private addresses are masked like others. Not masked, for
//! they name no host of anybody: unspecified, loopback, `x.0.0.0` (networks, and the frozen versions of browsers),
//! multicast and everything above it (netmasks, broadcast), and what ends in `::` (networks).
//!
//! A version with four parts looks like an address. It is masked as one, unless a letter stands before it (`v1.2.3.4`),
//! the word `version` does, or `-rc`, `-alpha`, `-beta`, `-dev`, `-pre`, `-snapshot` or `-build` follows. Octets with
//! leading zeros are not read (RFC 6943 section 3.1.1). An IPv6 address of fewer than four groups needs a digit and a
//! first group that RFC 4291 section 2.4 gives a meaning, so that `add::dead` and `[1::2]` in code stay; eight groups of
//! two digits each are a hardware address.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::view::View;

/// Longest text form: eight groups of which the last two are an IPv4 address.
const MAX_V6_BYTES: usize = 45;

/// Most digits of an IPv6 group.
const GROUP_DIGITS: usize = 4;

/// At the first digit of a run of `run` digits.
pub(super) fn find_v4(view: &View<'_>, at: usize, run: usize) -> Option<Range<usize>> {
    if run > 3 || view.at(at + run) != b'.' || view.alphanumeric_before(at) || view.fraction_before(at) {
        return None;
    }
    let mut octets = [0; 4];
    let mut end = at;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            if view.at(end) != b'.' {
                return None;
            }
            end += 1;
        }
        let digits = view.digits(end, 4);
        if digits == 0 || digits > 3 || (digits > 1 && view.at(end) == b'0') {
            return None;
        }
        let number = view
            .slice(end, end + digits)
            .iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        *octet = u8::try_from(number).ok()?;
        end += digits;
    }
    let ends = !view.at(end).is_ascii_alphanumeric() && !view.fraction_at(end);
    (ends && !is_nobody(octets) && !is_version(view, at, end)).then_some(at..end)
}

fn is_nobody(octets: [u8; 4]) -> bool {
    matches!(octets[0], 0 | 127 | 224..) || octets[1..] == [0, 0, 0]
}

fn is_version(view: &View<'_>, at: usize, end: usize) -> bool {
    const SUFFIXES: [&[u8]; 7] = [b"-rc", b"-alpha", b"-beta", b"-dev", b"-pre", b"-snapshot", b"-build"];
    let suffixed = SUFFIXES.iter().any(|suffix| {
        let behind = view.slice(end, end + suffix.len());
        behind.eq_ignore_ascii_case(suffix)
    });
    suffixed || word_version_before(view, at)
}

/// Whether `version` and at most four of the characters between a name and its value stand before `at`.
fn word_version_before(view: &View<'_>, at: usize) -> bool {
    const WORD: &[u8] = b"version";
    let between = (1..=4)
        .take_while(|back| matches!(view.before(at, *back), b' ' | b'=' | b':' | b'"' | b'\''))
        .count();
    WORD.iter()
        .rev()
        .enumerate()
        .all(|(index, letter)| view.before(at, between + 1 + index).to_ascii_lowercase() == *letter)
}

/// At a colon. Acts at the first one of an address only, so that a long row of groups is read once.
pub(super) fn find_v6(view: &View<'_>, at: usize) -> Option<Range<usize>> {
    let group = (1..=GROUP_DIGITS + 1).take_while(|back| view.before(at, *back).is_ascii_hexdigit()).count();
    let start = at - group;
    let after_colon = view.before(start, 1) == b':';
    // In `addr:2001:db8::1` the first colon belongs to the name.
    let named = group > 0 && !matches!(view.before(start, 2), b':' | b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F');
    if group > GROUP_DIGITS
        || view.alphanumeric_before(start)
        || view.fraction_before(start)
        || (after_colon && !named)
    {
        return None;
    }
    let text = std::str::from_utf8(v6_run(view, start)).ok()?;
    let all = (!view.at(start + text.len()).is_ascii_alphanumeric()).then_some(text);
    // The last group may be a port, or belong to what follows.
    let but_last = text.rsplit_once(':').map(|(address, _)| address);
    let address = all.filter(|text| is_v6(text)).or_else(|| but_last.filter(|text| is_v6(text)))?;
    Some(start..start + address.len())
}

/// What can belong to an IPv6 address from `start` on: hexadecimal digits, colons, and points between digits.
fn v6_run<'t>(view: &View<'t>, start: usize) -> &'t [u8] {
    let is_part = |offset: usize| match view.at(offset) {
        b'.' => view.before(offset, 1).is_ascii_digit() && view.at(offset + 1).is_ascii_digit(),
        byte => byte.is_ascii_hexdigit() || byte == b':',
    };
    let length = (0..MAX_V6_BYTES + 8).take_while(|ahead| is_part(start + ahead)).count();
    view.slice(start, start + length)
}

/// Whether `text` is an IPv6 address of somebody.
fn is_v6(text: &str) -> bool {
    let Ok(address) = text.parse::<Ipv6Addr>() else { return false };
    let nobody = text.ends_with("::")
        || address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.to_ipv4_mapped().is_some_and(|mapped| is_nobody(mapped.octets()));
    let hardware = text.len() == 23 && text.split(':').all(|group| group.len() == 2);
    let assigned = matches!(address.segments()[0], 0x64 | 0x2000..=0x3fff | 0xfc00..=0xfdff | 0xfe80..=0xfebf)
        || text.contains('.');
    let convincing = (assigned && text.bytes().any(|byte| byte.is_ascii_digit()))
        || text.split(':').filter(|group| !group.is_empty()).count() >= 4;
    !nobody && !hardware && convincing
}
