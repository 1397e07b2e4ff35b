use super::Pattern;

fn matches(pattern: &str, value: &str) -> bool {
    Pattern::new(pattern).unwrap().is_match(value)
}

#[test]
fn both_ends_are_anchored() {
    assert!(matches("pay", "pay"));
    assert!(!matches("pay", "payments"));
    assert!(!matches("pay|walks", "paywalks"));
    assert!(matches("", ""));
    assert!(!matches("", "a"));
    assert!(!matches("pay", "pay\n"));
}

#[test]
fn what_rust_reads_otherwise_is_read_as_go_does() {
    assert!(matches("[a&&b]", "&"), "in a class & is itself");
    assert!(matches("[a-c--b]", "-") || Pattern::new("[a-c--b]").is_err());
    assert!(matches("[[a]", "["), "in a class [ is itself");
    assert!(matches("[[a]]", "a]"));
    assert!(matches("[]a]", "]"));
    assert!(matches("a{,2}", "a{,2}"), "a count needs its lower bound");
    assert!(matches("a{", "a{"));
    assert!(matches("\\d+", "12"));
    assert!(!matches("\\d", "٣"), "digits are ASCII");
    assert!(!matches("\\w", "é"));
    assert!(!matches("\\s", "\u{a0}"));
    assert!(!matches("\\s", "\x0b"), "\\s has no vertical tab in RE2");
    assert!(matches("[[:space:]]", "\x0b"));
    assert!(matches("a\\b é", "a é"));
    assert!(matches("é\\Bé", "éé"));
    assert!(matches("\\Qa.b\\E+", "a.bb"));
    assert!(matches("\\101", "A"));
    assert!(matches("(?i)k", "\u{212a}"));
    assert!(matches("(?s).", "\n") && !matches(".", "\n"));
    assert!(matches("[^a]", "\n"));
    assert!(matches("a(?i)b", "aB") && !matches("a(?i)b", "Ab"));
    assert!(!matches("(a(?i)b)c", "aBC"), "flags end with their group");
}

#[test]
fn what_is_not_certain_is_refused() {
    for pattern in [
        "(",
        ")",
        "a)|(b",
        "[",
        "[a",
        "a**",
        "a*+",
        "*",
        "(*)",
        "|*",
        "a{1001}",
        "(a{100}){11}",
        "a{2,1}",
        "\\",
        "\\p{Greek}",
        "\\pL",
        "\\C",
        "\\Qa",
        "\\1",
        "\\8",
        "\\Z",
        "\\G",
        "\\é",
        "\\x{110000}",
        "\\xg0",
        "\\x",
        "\\x{}",
        "(?x)a b",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?P<n",
        "(?P<é>a)",
        "(?-)",
        "(?i-)",
        "(?ii",
        "(?i)é",
        "(?i)[à-ü]",
        "[b-a]",
        "[a-\\d]",
        "[[:nope:]]",
        "\\x{d800}",
    ] {
        assert!(Pattern::new(pattern).is_err(), "{pattern}");
    }
    assert!(Pattern::new(&"(".repeat(10_000)).is_err());
    assert!(Pattern::new(&"a".repeat(70_000)).is_err());
    assert!(Pattern::new("((a{30}){30}){30}").is_err());
    assert!(
        Pattern::new(&format!("({}){{1000}}", "[^a]{1}".repeat(500))).is_err(),
        "too large when compiled"
    );
}

#[test]
fn an_error_says_what_is_wrong() {
    let error = Pattern::new("\\pL").unwrap_err();
    assert_eq!(error.to_string(), "pattern `\\pL` is not understood: `\\p` is not understood");
}

#[test]
fn a_literal_matches_itself_alone() {
    for value in ["", "a.b*", "é\n", "$^"] {
        let literal = Pattern::literal(value).unwrap();
        assert!(literal.is_match(value));
        assert!(!literal.is_match(&format!("{value}x")));
        assert_eq!(literal.is_subset_of(&Pattern::new("(?s:.*)").unwrap()), Some(true));
    }
}

#[test]
fn subsets_are_decided_by_language() {
    let subset = |a: &str, b: &str| Pattern::new(a).unwrap().is_subset_of(&Pattern::new(b).unwrap());
    assert_eq!(subset("pay(ments|pal)", "pay.*"), Some(true));
    assert_eq!(subset("pay.*", "pay(ments|pal)"), Some(false));
    assert_eq!(subset("a+", "a*"), Some(true));
    assert_eq!(subset("a*", "a+"), Some(false));
    assert_eq!(subset("[^b]", "(?s:.)"), Some(true));
    assert_eq!(subset("[^b]", "."), Some(false), "the line break");
    assert_eq!(subset("(?i)ab", "[aA][bB]"), Some(true));
    assert_eq!(subset("x|y|z", "[x-z]"), Some(true));
    assert_eq!(subset("[^\\x00-\\x{10FFFF}]", "a"), Some(true), "nothing lies in everything");
    assert_eq!(subset("\\b(foo|bar)\\b", "foo|bar"), Some(true));
    assert_eq!(subset("foo|bar", "\\b(foo|bar)\\b"), Some(true));
    assert_eq!(subset(".*^a$.*", "a"), Some(true), "anchors in the middle");
}

#[test]
fn the_empty_value_is_noticed() {
    assert!(Pattern::new("a*").unwrap().matches_empty());
    assert!(Pattern::new("a|").unwrap().matches_empty());
    assert!(!Pattern::new("a+").unwrap().matches_empty());
}

/// What Go made of random patterns (`tests/generate.go`): the same, or refused here. The environment's
/// `BARTIZAN_GO_PATTERNS` may name a larger file.
#[test]
fn random_patterns_match_as_in_go() {
    let larger = std::env::var_os("BARTIZAN_GO_PATTERNS").map(|path| std::fs::read_to_string(path).unwrap());
    let mut lines = larger.as_deref().unwrap_or(include_str!("tests/go.jsonl")).lines();
    let values: Vec<String> = serde_json::from_str(lines.next().unwrap()).unwrap();
    let (mut equal, mut refused_here, mut refused_by_both) = (0, 0, 0);
    for line in lines {
        let (text, accepted, results): (String, bool, String) = serde_json::from_str(line).unwrap();
        match (Pattern::new(&text), accepted) {
            (Ok(pattern), true) => {
                let ours: String =
                    values.iter().map(|value| if pattern.is_match(value) { '1' } else { '0' }).collect();
                let different =
                    values.iter().zip(ours.bytes().zip(results.bytes())).find(|(_, (a, b))| a != b);
                assert!(different.is_none(), "{text:?}: {different:?}");
                for value in &values {
                    let literal = Pattern::literal(value).unwrap();
                    assert_eq!(
                        literal.is_subset_of(&pattern),
                        Some(pattern.is_match(value)),
                        "{text:?} {value:?}"
                    );
                }
                equal += 1;
            }
            (Ok(_), false) => panic!("{text:?} is no pattern in Go"),
            (Err(_), true) => refused_here += 1,
            (Err(_), false) => refused_by_both += 1,
        }
    }
    assert!(
        equal > 500 && refused_here < equal / 5,
        "{equal} equal, {refused_here} and {refused_by_both} refused"
    );
}
