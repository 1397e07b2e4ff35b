//! Selectors and patterns of the policy. No input panics; what is understood prints as something that means the same;
//! nothing but `{}` shows items without labels; and what is decided about languages agrees with matching.
#![no_main]

use bartizan_access::policy::{Confinement, Pattern, Scope, Selector, confined};
use libfuzzer_sys::fuzz_target;

/// Values to try, besides the input itself.
const VALUES: [&str; 8] = ["", "a", "payments", "PAY", "\n", "é", "a-b", "1"];

fuzz_target!(|input: &str| {
    selector(input);
    let (left, right) = input.split_once('\0').unwrap_or((input, ".+"));
    patterns(left, right, input);
});

fn selector(text: &str) {
    let Ok(selector) = Selector::parse(text) else { return };
    let printed = selector.to_string();
    let again = Selector::parse(&printed).expect("what is printed can be read");
    assert_eq!(again, selector, "{printed}");
    assert_eq!(selector.matches_everything(), selector.matches(|_| None), "{printed}");
    if selector.matches_everything() {
        return;
    }
    let scope = Scope::Only([selector.clone()].into());
    let decision = confined(selector.matchers(), &scope);
    assert!(!matches!(decision, Confinement::Outside { .. }), "{printed} lies within itself: {decision:?}");
    let (last, others) = selector.matchers().split_last().expect("not empty");
    if confined(others, &scope) == Confinement::Confined {
        // Without its last matcher it still lies within: then no value may be matched by the others alone.
        for value in VALUES {
            let of = |label: &str| (label == last.label()).then_some(value);
            let reached =
                others.iter().all(|matcher| matcher.matches(of(matcher.label()).unwrap_or_default()));
            assert!(!reached || selector.matches(of), "{printed} at {value:?}");
        }
    }
}

fn patterns(left: &str, right: &str, input: &str) {
    let (Ok(left), Ok(right)) = (Pattern::new(left), Pattern::new(right)) else { return };
    let subset = left.is_subset_of(&right);
    for value in VALUES.into_iter().chain([input]) {
        let literal = Pattern::literal(value).expect("a literal");
        if let Some(inside) = literal.is_subset_of(&left) {
            assert_eq!(inside, left.is_match(value), "{left:?} {value:?}");
        }
        assert!(
            subset != Some(true) || !left.is_match(value) || right.is_match(value),
            "{left:?} {right:?} {value:?}"
        );
    }
    assert_ne!(left.is_subset_of(&left), Some(false), "{left:?}");
}
