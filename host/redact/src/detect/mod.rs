//! Finds personal data in text: triggers propose, validators decide.
//!
//! The text is walked once. Only at a byte that can belong to a value (an at sign, the first digit of a
//! run, `+`, `(`, `:`) a validator looks at the surroundings. The leftmost trigger whose validator agrees wins;
//! where several kinds share a trigger, the order is IBAN, card, IP, phone, and an address that goes on into an
//! e-mail address is part of it. The search goes on behind the value, and nothing looks back into it.
//!
//! Whether and where a value is found depends on the text alone, never on how it arrived: a validator looks at most
//! [`LOOK_AHEAD`] bytes ahead of its trigger and [`CONTEXT`] bytes back, and waits until they are there.
//!
//! Each kind has its module, with its source and what it refuses.

mod card;
mod email;
mod iban;
mod ip;
mod phone;
#[cfg(test)]
mod tests;
mod view;

use std::ops::Range;

use crate::kind::{Kind, Kinds};
use view::View;

pub(crate) use card::is_card_number;

/// Bytes ahead of its trigger that a validator may look at: a phone number that turns out to be the local part of
/// an address with the longest domain, and the port behind it.
pub(crate) const LOOK_AHEAD: usize = 384;

/// Bytes before its trigger where a value may start: the longest local part that is followed.
pub(crate) const REACH_BACK: usize = email::MAX_LOCAL_BYTES;

/// Bytes before its trigger that a validator may look at.
pub(crate) const CONTEXT: usize = REACH_BACK + 32;

/// The shortest text that can hold a value (`::2`).
const SHORTEST: usize = 3;

/// What makes a validator look: one bit for each trigger.
mod triggers {
    pub(super) const AT: u8 = 1;
    pub(super) const DIGIT: u8 = 2;
    pub(super) const PLUS: u8 = 4;
    pub(super) const PAREN: u8 = 8;
    pub(super) const COLON: u8 = 16;
}

/// For each byte the trigger it is. A table, so that the walk over text without triggers is one load a byte.
const TRIGGERS: [u8; 256] = {
    let mut table = [0; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        table[digit as usize] = triggers::DIGIT;
        digit += 1;
    }
    table[b'@' as usize] = triggers::AT;
    table[b'%' as usize] = triggers::AT;
    table[b'\\' as usize] = triggers::AT;
    table[b'&' as usize] = triggers::AT;
    table[b'+' as usize] = triggers::PLUS;
    table[b'(' as usize] = triggers::PAREN;
    table[b':' as usize] = triggers::COLON;
    table
};

/// Where a search stands in a text.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// The first byte that was not yet looked at as a trigger.
    pub(crate) from: usize,
    /// The end of the last value: nothing looks back behind it.
    barrier: usize,
}

impl Search {
    /// The first `bytes` of the text, at least [`CONTEXT`] before `from`, are gone.
    pub(crate) fn drop_front(&mut self, bytes: usize) {
        self.from -= bytes;
        self.barrier = self.barrier.saturating_sub(bytes);
    }
}

/// A value in a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Found(Found),
    /// Nothing more until the text goes on (or at all, when it is complete).
    Nothing,
}

/// Finds values of a set of kinds.
#[derive(Debug)]
pub(crate) struct Finder {
    kinds: Kinds,
    triggers: u8,
    /// Whether a text may be Prometheus exposition, whose sample values are not looked at.
    exposition: bool,
}

impl Finder {
    pub(crate) fn new(kinds: Kinds, exposition: bool) -> Self {
        let triggers = kinds.iter().fold(0, |triggers, kind| {
            triggers
                | match kind {
                    Kind::Email => triggers::AT,
                    Kind::Card | Kind::Iban => triggers::DIGIT,
                    Kind::Phone => triggers::DIGIT | triggers::PLUS | triggers::PAREN,
                    Kind::Ip => triggers::DIGIT | triggers::COLON,
                }
        });
        Self { kinds, triggers, exposition }
    }

    pub(crate) fn looks_for(&self, kind: Kind) -> bool {
        self.kinds.contains(kind)
    }

    /// Whether a text is worth a search: `trigger_bytes` is the union of [`trigger`] over its bytes.
    pub(crate) fn is_worth(&self, trigger_bytes: u8, length: usize) -> bool {
        trigger_bytes & self.triggers != 0 && length >= SHORTEST
    }

    /// Goes on with `search` to the next value. Unless the text is `complete`, triggers closer to its end than
    /// [`LOOK_AHEAD`] are left for later.
    pub(crate) fn step(&self, text: &[u8], search: &mut Search, complete: bool) -> Step {
        let limit = if complete { text.len() } else { text.len().saturating_sub(LOOK_AHEAD) };
        let view = View::new(text, search.barrier);
        while search.from < limit {
            let ahead = &text[search.from..limit];
            let quiet = ahead.iter().position(|byte| TRIGGERS[usize::from(*byte)] & self.triggers != 0);
            let at = search.from + quiet.unwrap_or(ahead.len());
            if at == limit {
                search.from = limit;
                break;
            }
            let trigger = TRIGGERS[usize::from(text[at])];
            let found = if trigger == triggers::DIGIT {
                search.from = at + view.digits(at, limit - at);
                // Inside a run: its first digit was behind the last stop and was looked at.
                if view.before(at, 1).is_ascii_digit() { None } else { self.at_digit(&view, at) }
            } else {
                search.from = at + 1;
                self.at_mark(&view, at, trigger)
            };
            if let Some(found) = found {
                search.from = found.end;
                search.barrier = found.end;
                return Step::Found(found);
            }
        }
        Step::Nothing
    }

    fn at_digit(&self, view: &View<'_>, at: usize) -> Option<Found> {
        let run = view.digits(at, LONGEST_RUN);
        if view.before(at, 1).is_ascii_alphabetic()
            && let Some((kind, span)) = self.validated(Kind::Iban, || iban::find(view, at, run))
        {
            return Some(self.or_email(view, kind, span));
        }
        // Most digits of logs and ids end here: only the check digits of an IBAN stand behind a letter, and what is
        // shorter than a card is written in groups or begins with zeros.
        let grouped = run <= 4 && matches!(view.at(at + run), b' ' | b'-' | b'.');
        if view.alphanumeric_before(at) || !(grouped || run >= 13 || view.starts_with(at, b"00")) {
            return None;
        }
        let (kind, span) = self
            .validated(Kind::Card, || card::find(view, at, run, self.exposition))
            .or_else(|| self.validated(Kind::Ip, || ip::find_v4(view, at, run)))
            .or_else(|| self.validated(Kind::Phone, || phone::find_at_digit(view, at, run)))?;
        Some(self.or_email(view, kind, span))
    }

    fn at_mark(&self, view: &View<'_>, at: usize, trigger: u8) -> Option<Found> {
        let (kind, span) = match trigger {
            triggers::AT => self.validated(Kind::Email, || email::find(view, at)),
            triggers::PLUS => self.validated(Kind::Phone, || phone::find_at_plus(view, at)),
            triggers::PAREN => self.validated(Kind::Phone, || phone::find_at_paren(view, at)),
            triggers::COLON => self.validated(Kind::Ip, || ip::find_v6(view, at)),
            _ => None,
        }?;
        Some(self.or_email(view, kind, span))
    }

    fn validated(
        &self,
        kind: Kind,
        find: impl FnOnce() -> Option<Range<usize>>,
    ) -> Option<(Kind, Range<usize>)> {
        if self.kinds.contains(kind) { find().map(|span| (kind, span)) } else { None }
    }

    /// `+12125550123@sip.example.com` is one address, not a number and a rest. Its `+` alone is none of a local part.
    fn or_email(&self, view: &View<'_>, kind: Kind, span: Range<usize>) -> Found {
        if kind != Kind::Email
            && let Some((kind, wider)) = self.validated(Kind::Email, || email::find(view, span.end))
            && wider.start <= span.start + 1
        {
            return Found { kind, start: wider.start.min(span.start), end: wider.end };
        }
        Found { kind, start: span.start, end: span.end }
    }
}

/// No value holds a run of digits longer than this, so that longer ones need not be measured.
const LONGEST_RUN: usize = 40;

/// The triggers that a byte may be, for [`Finder::is_worth`].
pub(crate) const fn trigger(byte: u8) -> u8 {
    TRIGGERS[byte as usize]
}
