//! PromQL narrowing: whatever the query, what is let through has the policy's matcher in every selector, and nothing else changed.
//!
//! Checked by a reader that shares no code with the narrowing and knows less: it looks at what stands outside strings,
//! comments, ranges and label lists. The judge that knows all of PromQL is the differential test in host/backend/tests/promql.
#![no_main]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the module is compiled into this target alone, which uses a part of it"
)]

use std::sync::OnceLock;

use bartizan_access::policy::Selector;
use libfuzzer_sys::fuzz_target;

#[path = "../../../../host/backend/src/prometheus/promql/mod.rs"]
mod promql;

use promql::{Emptiness, Injection, Limits, narrow, narrow_selector};

const MARK: &str = r#"zz9=~"zz""#;

fn injection() -> &'static Injection {
    static INJECTION: OnceLock<Injection> = OnceLock::new();
    INJECTION.get_or_init(|| {
        let selector = Selector::parse(r#"{zz9="zz"}"#).expect("the policy is valid");
        Injection::new(&[selector]).expect("it is one selector")
    })
}

fuzz_target!(|input: &[u8]| {
    let Ok(query) = std::str::from_utf8(input) else { return };
    if query.contains("zz") {
        return;
    }
    let limits = Limits::default();
    if let Ok(narrowed) = narrow_selector(query, injection(), &limits, Emptiness::Allowed) {
        assert_eq!((narrowed.selectors, without_marks(&narrowed.query)), (1, without_marks(query)));
        check(&narrowed.query);
    }
    let Ok(narrowed) = narrow(query, injection(), &limits) else { return };
    assert_eq!(
        without_marks(&narrowed.query),
        without_marks(query),
        "something else changed: {:?}",
        narrowed.query
    );
    assert_eq!(narrowed.query.matches(MARK).count(), narrowed.selectors, "{:?}", narrowed.query);
    check(&narrowed.query);
    let again = narrow(&narrowed.query, injection(), &limits).expect("what was narrowed can be narrowed");
    assert_eq!(again.selectors, narrowed.selectors, "{:?}", again.query);
});

/// The text without the marks. A pair of braces that held nothing else goes too, since it may have come with the mark.
fn without_marks(text: &str) -> String {
    text.replace(&format!("{MARK},"), "").replace(MARK, "").replace("{}", "")
}

/// Every `{` outside strings and comments begins with the mark, and every word that can only be a metric has a `{`.
fn check(narrowed: &str) {
    let tokens = tokens(narrowed);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1).map_or("", |(_, text)| text);
        match token {
            ('{', _) => {
                let inside: Vec<&str> = tokens.iter().skip(at + 1).take(3).map(|(_, text)| *text).collect();
                assert_eq!(inside, ["zz9", "=~", "\"zz\""], "{narrowed:?}");
                at = skip_to(&tokens, at, '}');
            }
            ('[', _) => at = skip_to(&tokens, at, ']'),
            ('w', word)
                if next == "("
                    && is(word, &["by", "without", "on", "ignoring", "group_left", "group_right"]) =>
            {
                at = skip_to(&tokens, at, ')');
            }
            ('w', word) if next != "(" && !may_stand_alone(word) => {
                assert_eq!(next, "{", "{word} in {narrowed:?}")
            }
            _ => {}
        }
        at += 1;
    }
}

fn is(word: &str, words: &[&str]) -> bool {
    words.contains(&word.to_ascii_lowercase().as_str())
}

fn may_stand_alone(word: &str) -> bool {
    let operators = [
        "and",
        "or",
        "unless",
        "atan2",
        "bool",
        "offset",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
    ];
    let others = ["inf", "nan", "anchored", "smoothed"];
    let aggregations = [
        "sum",
        "avg",
        "count",
        "min",
        "max",
        "group",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "count_values",
        "quantile",
        "limitk",
        "limit_ratio",
    ];
    is(word, &operators) || is(word, &others) || is(word, &aggregations)
}

fn skip_to(tokens: &[(char, &str)], from: usize, end: char) -> usize {
    let behind = tokens.iter().skip(from).position(|(kind, _)| *kind == end);
    behind.map_or(tokens.len(), |behind| from + behind)
}

/// Kind and text: `w` a word, `n` a number or duration, `s` a string, else the character itself.
fn tokens(text: &str) -> Vec<(char, &str)> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            '#' => (' ', rest.find(['\n', '\r']).unwrap_or(rest.len())),
            ' ' | '\t' | '\n' | '\r' => (' ', 1),
            '"' | '\'' | '`' => ('s', string_length(rest, first)),
            '0'..='9' | '.' => ('n', number_length(rest)),
            'a'..='z' | 'A'..='Z' | '_' | ':' => (
                'w',
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
                    .unwrap_or(rest.len()),
            ),
            '=' | '!' if rest[1..].starts_with('~') => ('~', 2),
            other => (other, other.len_utf8()),
        };
        let (token, behind) = rest.split_at(length);
        if kind != ' ' {
            tokens.push((kind, token));
        }
        rest = behind;
    }
    tokens
}

fn string_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    panic!("a string without an end was let through: {text:?}");
}

fn number_length(text: &str) -> usize {
    let mut before = ' ';
    let decimal = !text.starts_with("0x") && !text.starts_with("0X");
    for (at, c) in text.char_indices() {
        let exponent = decimal && matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
        if !(c.is_ascii_alphanumeric() || c == '_' || c == '.' || exponent) {
            return at;
        }
        before = c;
    }
    text.len()
}
