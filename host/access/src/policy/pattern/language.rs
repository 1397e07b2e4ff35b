//! Reasoning about the set of values that patterns match: automata, and a walk over several at once.

use std::collections::{HashMap, HashSet};

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_syntax::hir::Hir;

/// One automaton may take this much memory, in bytes: thousands of states. Patterns of people take a few KiB.
const AUTOMATON_LIMIT_BYTES: usize = 512 << 10;

/// Making it may take this much.
const DETERMINIZE_LIMIT_BYTES: usize = 1 << 20;

/// The walk gives up after this many combined states,
const MOST_COMBINED_STATES: usize = 4096;

/// and after this many steps of single automata: a few milliseconds.
const MOST_STEPS: usize = 1 << 20;

/// A deterministic automaton of an anchored pattern.
pub(super) type Dfa = dense::DFA<Vec<u32>>;

/// The automaton of a pattern (anchored at both ends), unless it would be too large.
pub(super) fn automaton(anchored: &Hir) -> Option<Dfa> {
    let limits = thompson::Config::new()
        .nfa_size_limit(Some(AUTOMATON_LIMIT_BYTES))
        .which_captures(WhichCaptures::None);
    let nfa = thompson::Compiler::new().configure(limits).build_from_hir(anchored).ok()?;
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .accelerate(false)
        .dfa_size_limit(Some(AUTOMATON_LIMIT_BYTES))
        .determinize_size_limit(Some(DETERMINIZE_LIMIT_BYTES));
    dense::Builder::new().configure(config).build_from_nfa(&nfa).ok()
}

/// Whether no string at all is matched by each automaton that goes with `true` and by none that goes
/// with `false`. `None`: too many states to tell.
///
/// At least one has to go with `true`: automata of patterns accept valid UTF-8 alone, and their
/// complements do not.
pub(super) fn is_empty(parts: &[(&Dfa, bool)]) -> Option<bool> {
    let letters = representatives(parts);
    let begin: Option<Vec<StateID>> = parts
        .iter()
        .map(|(dfa, _)| dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).ok())
        .collect();
    let begin = begin?;
    let mut seen: HashSet<Vec<StateID>> = HashSet::from([begin.clone()]);
    let mut waiting = vec![begin];
    let mut steps = 0;
    while let Some(states) = waiting.pop() {
        steps += letters.len() * parts.len();
        if steps > MOST_STEPS {
            return None;
        }
        let accepted = parts
            .iter()
            .zip(&states)
            .all(|((dfa, sign), state)| dfa.is_match_state(dfa.next_eoi_state(*state)) == *sign);
        if accepted {
            return Some(false);
        }
        for letter in &letters {
            let next: Vec<StateID> =
                parts.iter().zip(&states).map(|((dfa, _), state)| dfa.next_state(*state, *letter)).collect();
            let hopeless =
                parts.iter().zip(&next).any(|((dfa, sign), state)| *sign && dfa.is_dead_state(*state));
            if !hopeless && !seen.contains(&next) {
                if seen.len() == MOST_COMBINED_STATES {
                    return None;
                }
                seen.insert(next.clone());
                waiting.push(next);
            }
        }
    }
    Some(true)
}

/// One byte for each set of bytes that none of the automata tells apart.
fn representatives(parts: &[(&Dfa, bool)]) -> Vec<u8> {
    let mut by_classes: HashMap<Vec<u8>, u8> = HashMap::new();
    for byte in 0..=u8::MAX {
        let classes = parts.iter().map(|(dfa, _)| dfa.byte_classes().get(byte)).collect();
        by_classes.entry(classes).or_insert(byte);
    }
    by_classes.into_values().collect()
}
