use super::{Confinement, confined};
use crate::policy::{Matcher, Operator, Scope, Selector};

fn scope(selectors: &[&str]) -> Scope {
    Scope::Only(selectors.iter().map(|text| Selector::parse(text).unwrap()).collect())
}

/// Matchers as people write them; unlike a policy's selector they may match the empty value.
fn matchers(text: &[(&str, Operator, &str)]) -> Vec<Matcher> {
    text.iter().map(|(label, operator, value)| Matcher::new(label, *operator, value).unwrap()).collect()
}

use Operator::{Equal as Is, Matches as Re, NotEqual as Not, NotMatches as NotRe};

fn decide(text: &[(&str, Operator, &str)], selectors: &[&str]) -> Confinement {
    confined(&matchers(text), &scope(selectors))
}

fn assert_confined(text: &[(&str, Operator, &str)], selectors: &[&str]) {
    assert_eq!(decide(text, selectors), Confinement::Confined, "{text:?} in {selectors:?}");
}

fn assert_outside(text: &[(&str, Operator, &str)], selectors: &[&str]) {
    let decision = decide(text, selectors);
    assert!(matches!(decision, Confinement::Outside { .. }), "{text:?} in {selectors:?}: {decision:?}");
}

const PAYMENTS: &[&str] = &["{team=\"payments\"}"];

#[test]
fn the_own_label_confines() {
    assert_confined(&[("team", Is, "payments")], PAYMENTS);
    assert_confined(&[("team", Is, "payments"), ("alertname", Re, ".*")], PAYMENTS);
    assert_confined(&[("team", Re, "payments")], PAYMENTS);
    assert_confined(&[("team", Re, "(?:payments)|payments$")], PAYMENTS);
    assert_confined(&[("team", Re, "pay.*"), ("team", Re, ".*ments"), ("team", Is, "payments")], PAYMENTS);
}

#[test]
fn a_pattern_that_only_names_the_label_does_not_confine() {
    for pattern in
        [".*", ".+", "payments|", "payments.*", "pay(ments|roll)", "(?i)payments", "[p]ayments|walks"]
    {
        assert_outside(&[("team", Re, pattern)], PAYMENTS);
    }
}

#[test]
fn other_labels_and_negations_do_not_confine() {
    assert_outside(&[("alertname", Not, "")], PAYMENTS);
    assert_outside(&[("alertname", Is, "Down")], PAYMENTS);
    assert_outside(&[("team", Not, "walks")], PAYMENTS);
    assert_outside(&[("team", Not, "walks"), ("team", Not, "platform"), ("team", Not, "")], PAYMENTS);
    assert_outside(&[("team", NotRe, "walks|platform|")], PAYMENTS);
    assert_outside(&[], PAYMENTS);
    assert_outside(&[("team", Is, "")], PAYMENTS);
}

#[test]
fn an_absent_label_counts_as_the_empty_value() {
    assert_outside(&[("team", Re, "(payments)?")], PAYMENTS);
    assert_outside(&[("team", Is, "payments")], &["{team=\"payments\",env!=\"\"}"]);
    assert_confined(
        &[("team", Is, "payments"), ("env", Re, ".+")],
        &["{team=\"payments\",env=~\"(?s:.+)\"}"],
    );
    assert_confined(&[("team", Is, "payments"), ("env", Not, "")], &["{team=\"payments\",env!=\"\"}"]);
}

#[test]
fn a_line_break_escapes_a_dot() {
    assert_outside(&[("team", Not, "")], &["{team=~\".+\"}"]);
    assert_confined(&[("team", Not, "")], &["{team=~\"(?s:.+)\"}"]);
}

#[test]
fn a_grants_exclusions_have_to_be_excluded() {
    let scope = &["{team=~\"pay.*\",team!=\"payroll\"}"];
    assert_outside(&[("team", Re, "pay.*")], scope);
    assert_confined(&[("team", Re, "pay.*"), ("team", Not, "payroll")], scope);
    assert_confined(&[("team", Re, "pay.*"), ("team", NotRe, ".*roll")], scope);
    assert_confined(&[("team", Re, "payments|paypal")], scope);
    assert_outside(&[("team", Re, "payments|payroll")], scope);
}

#[test]
fn several_selectors_cover_together() {
    let teams = &["{team=\"payments\"}", "{team=\"walks\"}"];
    assert_confined(&[("team", Re, "payments|walks")], teams);
    assert_outside(&[("team", Re, "payments|walks|platform")], teams);
    let split = &["{team=\"payments\",env=\"prod\"}", "{team=\"payments\",env!=\"prod\",env!=\"\"}"];
    assert_confined(&[("team", Is, "payments"), ("env", Not, "")], split);
    assert_outside(&[("team", Is, "payments")], split);
    let crossed = &["{team=\"a\",env=\"x\"}", "{team=\"b\",env=\"y\"}"];
    assert_outside(&[("team", Re, "a|b"), ("env", Re, "x|y")], crossed);
    let grid = &[
        "{team=\"a\",env=\"x\"}",
        "{team=\"b\",env=\"y\"}",
        "{team=\"a\",env=\"y\"}",
        "{team=\"b\",env=\"x\"}",
    ];
    assert_confined(&[("team", Re, "a|b"), ("env", Re, "x|y")], grid);
}

#[test]
fn a_contradiction_matches_nothing() {
    assert_eq!(
        decide(&[("team", Is, "payments"), ("team", Is, "walks")], PAYMENTS),
        Confinement::MatchesNothing
    );
    assert_eq!(decide(&[("team", Re, "a+"), ("team", Re, "b+")], PAYMENTS), Confinement::MatchesNothing);
}

#[test]
fn what_is_missing_is_named() {
    let decision =
        decide(&[("alertname", Is, "Down")], &["{team=\"payments\",env=\"prod\"}", "{team=\"walks\"}"]);
    let missing = vec!["team=\"walks\"".to_owned(), "team=\"payments\", env=\"prod\"".to_owned()];
    assert_eq!(decision, Confinement::Outside { missing });
}

#[test]
fn too_much_is_not_decided() {
    let pattern = "(a|b)*a(a|b){20}";
    assert_eq!(decide(&[("team", Re, pattern)], &["{team=~\"[ab]+\"}"]), Confinement::Undecided);
}

/// What somebody can make a decision cost: far below a second on any machine, also where nothing is decided.
#[test]
fn hostile_patterns_cost_little() {
    let hostile = [
        "(a|b)*a(a|b){20}".to_owned(),
        "([^x]{0,30}y){0,30}".to_owned(),
        "(.*a){12}".to_owned(),
        ".{900}|.{901}|.{902}".to_owned(),
        (0..3000).map(|n| format!("name{n}")).collect::<Vec<_>>().join("|"),
        "(?i)".to_owned() + &"[a-z0-9_]{20}".repeat(10),
    ];
    let scope =
        scope(&["{team=~\"[a-m].*x?\"}", "{team=~\"[n-z]+y.*\"}", "{team=~\".*b.{3}\",env=~\"p.*\"}"]);
    for first in &hostile {
        for second in &hostile {
            let Ok(first) = Matcher::new("team", Re, first) else { continue };
            let Ok(second) = Matcher::new("team", NotRe, second) else { continue };
            let began = std::time::Instant::now();
            let decision = confined(&[first, second], &scope);
            let took = began.elapsed();
            println!("{took:?} {decision:?}");
            assert!(took.as_secs() < 2, "{took:?}");
        }
    }
}

#[test]
fn everything_needs_no_decision() {
    assert_eq!(confined(&matchers(&[("a", Re, ".*")]), &Scope::Everything), Confinement::Confined);
}

/// The decision against brute force: all label sets over a few values.
#[test]
fn the_decision_is_that_of_enumeration() {
    let values = ["", "a", "b", "ab", "ba", "aa", "abc"];
    let conditions = [
        (Is, "a"),
        (Not, "a"),
        (Re, "a.*"),
        (Re, "a|b"),
        (NotRe, "a.*"),
        (Re, ".*b"),
        (Not, ""),
        (Re, "(a|b)?"),
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % bound as u64).unwrap()
    };
    let (mut confined_count, mut outside_count) = (0, 0);
    for _ in 0..3000 {
        let mut some = |count: usize| -> Vec<Matcher> {
            (0..count)
                .map(|_| {
                    let (operator, value) = conditions[next(conditions.len())];
                    Matcher::new(["l", "m"][next(2)], operator, value).unwrap()
                })
                .collect()
        };
        let silence = some(3);
        let selectors: Vec<Selector> = (0..3)
            .filter_map(|_| {
                let text: Vec<String> = some(2).iter().map(ToString::to_string).collect();
                Selector::parse(&format!("{{{}}}", text.join(","))).ok()
            })
            .collect();
        if selectors.is_empty() {
            continue;
        }
        let decision = confined(&silence, &Scope::Only(selectors.clone().into()));
        let mut escapes = false;
        for l in values {
            for m in values {
                let of = |label: &str| if label == "l" { Some(l) } else { Some(m) };
                let reached = silence.iter().all(|matcher| matcher.matches(of(matcher.label()).unwrap()));
                escapes |= reached && !selectors.iter().any(|selector| selector.matches(of));
            }
        }
        match decision {
            Confinement::Confined => {
                assert!(!escapes, "{silence:?} escapes {selectors:?}");
                confined_count += 1;
            }
            Confinement::Outside { .. } => outside_count += 1,
            Confinement::MatchesNothing => assert!(!escapes),
            Confinement::Undecided => panic!("{silence:?} in {selectors:?} is small"),
        }
    }
    assert!(confined_count > 50 && outside_count > 50, "{confined_count} {outside_count}");
}
