use bartizan_access::policy::Selector;

use super::{Emptiness, Injection, Limits, NotOneSelector, narrow, narrow_selector, takes_values_apart};

fn injection(selectors: &[&str]) -> Result<Injection, NotOneSelector> {
    let selectors: Vec<Selector> = selectors.iter().map(|text| Selector::parse(text).unwrap()).collect();
    Injection::new(&selectors)
}

/// Narrows to `{t="p"}`.
fn narrowed(query: &str) -> Result<String, String> {
    let injection = injection(&[r#"{t="p"}"#]).unwrap();
    narrow(query, &injection, &Limits::default())
        .map(|narrowed| narrowed.query)
        .map_err(|error| error.to_string())
}

#[track_caller]
fn becomes(query: &str, expected: &str) {
    // In the expectations, § stands for the injected matchers.
    assert_eq!(narrowed(query), Ok(expected.replace('§', r#"t=~"p""#)), "{query}");
}

#[track_caller]
fn refused(query: &str) {
    assert!(narrowed(query).is_err(), "{query} became {:?}", narrowed(query));
}

#[test]
fn a_bare_metric_gets_braces() {
    becomes("foo", "foo{§}");
    becomes(" foo # all of it", " foo{§} # all of it");
    becomes("a:b:rate5m", "a:b:rate5m{§}");
    becomes(":a", ":a{§}");
}

#[test]
fn matchers_go_before_those_of_the_query() {
    becomes(r#"foo{a="b"}"#, r#"foo{§,a="b"}"#);
    becomes(r#"foo {a="b",}"#, r#"foo {§,a="b",}"#);
    becomes("foo{}", "foo{§}");
    becomes("foo{ # nothing\n }", "foo{§ # nothing\n }");
    becomes(r#"foo # }{"\n {a!~'b'}"#, r#"foo{§} # }{"\n {a!~'b'}"#);
    becomes("foo # }{\"\n {a!~'b'}", "foo # }{\"\n {§,a!~'b'}");
}

#[test]
fn every_operand_is_narrowed() {
    becomes("a + b", "a{§} + b{§}");
    becomes("-a", "-a{§}");
    becomes("(a) / (b)", "(a{§}) / (b{§})");
    becomes("a and b or c unless d atan2 e", "a{§} and b{§} or c{§} unless d{§} atan2 e{§}");
    becomes("a == bool b != c <= d >= e < f > g", "a{§} == bool b{§} != c{§} <= d{§} >= e{§} < f{§} > g{§}");
    becomes("a </ b >/ c", "a{§} </ b{§} >/ c{§}");
    becomes("a%b^c*d-e", "a{§}%b{§}^c{§}*d{§}-e{§}");
}

#[test]
fn a_comment_ends_at_either_line_end() {
    becomes("foo # x\r or bar", "foo{§} # x\r or bar{§}");
    becomes("foo # x\n or bar", "foo{§} # x\n or bar{§}");
    becomes("foo # x or bar", "foo{§} # x or bar");
    becomes("sum # by (a)\n(foo)", "sum # by (a)\n(foo{§})");
}

#[test]
fn keywords_are_metrics_where_prometheus_takes_them_so() {
    becomes("or or or", "or{§} or or{§}");
    becomes("sum + sum", "sum{§} + sum{§}");
    becomes("by + without", "by{§} + without{§}");
    becomes("offset offset 5m", "offset{§} offset 5m");
    becomes(r#"start{a="b"}"#, r#"start{§,a="b"}"#);
    becomes("fill + fill", "fill{§} + fill{§}");
    becomes("fill_left{} * fill_right", "fill_left{§} * fill_right{§}");
    becomes("SUM + Topk", "SUM{§} + Topk{§}");
    becomes("step + range - max_of", "step{§} + range{§} - max_of{§}");
    becomes("anchored smoothed", "anchored{§} smoothed");
    becomes("a AND b", "a{§} AND b{§}");
}

#[test]
fn fill_is_a_modifier_only_before_a_parenthesis() {
    becomes("a + fill(0) b", "a{§} + fill(0) b{§}");
    becomes(
        "a + on (x) group_left fill_left (-1) fill_right\n( +Inf ) b",
        "a{§} + on (x) group_left fill_left (-1) fill_right\n( +Inf ) b{§}",
    );
    refused("a + fill # c\n (0) b");
    refused("fill(0)");
}

#[test]
fn label_lists_hold_no_selectors() {
    becomes("sum by (a, b,) (foo)", "sum by (a, b,) (foo{§})");
    becomes("sum(foo) by (a)", "sum(foo{§}) by (a)");
    becomes("sum without (on, bool, by, offset) (foo)", "sum without (on, bool, by, offset) (foo{§})");
    becomes(r#"sum by ("my.label", 'x') (foo)"#, r#"sum by ("my.label", 'x') (foo{§})"#);
    becomes("sum by () (foo)", "sum by () (foo{§})");
    becomes("a * on (x) b", "a{§} * on (x) b{§}");
    becomes("a * bool ignoring(x) group_right (y) (b)", "a{§} * bool ignoring(x) group_right (y) (b{§})");
    becomes("a * on (x) group_left b", "a{§} * on (x) group_left b{§}");
    becomes(r#"count_values without (i) ("v", foo)"#, r#"count_values without (i) ("v", foo{§})"#);
    becomes("topk(3, sum(foo) by (a)) by (a)", "topk(3, sum(foo{§}) by (a)) by (a)");
    refused("foo by (a)");
    refused("sum by (a b) (foo)");
    refused("a + group_left (x) b");
}

#[test]
fn numbers_are_no_metrics() {
    becomes("inf", "inf");
    becomes("-NaN + foo", "-NaN + foo{§}");
    becomes("0x1f + 1e+5 - 1_000 * .5 / 5m", "0x1f + 1e+5 - 1_000 * .5 / 5m");
    becomes("1+foo", "1+foo{§}");
    becomes("1.5e3-foo", "1.5e3-foo{§}");
    becomes("info + infinity", "info{§} + infinity{§}");
    refused("1e+foo");
    refused("5mfoo");
    refused("1.foo");
    refused("0xg");
    refused("1 2");
    refused("1..2");
}

#[test]
fn ranges_and_subqueries_hold_no_selectors() {
    becomes("rate(foo[5m])", "rate(foo{§}[5m])");
    becomes("max_over_time(rate(foo[5m])[1h:30s])", "max_over_time(rate(foo{§}[5m])[1h:30s])");
    becomes("foo[5m:] offset -1h @ 1.5e3", "foo{§}[5m:] offset -1h @ 1.5e3");
    becomes(
        "rate(foo[ step() * 2 + max_of(5m, range()) ])",
        "rate(foo{§}[ step() * 2 + max_of(5m, range()) ])",
    );
    refused("foo[bar]");
    refused("foo[5m # ]\n]");
    refused("foo[5m{a=\"b\"}]");
    refused("foo[\"]\"]");
    refused("foo[5m");
}

#[test]
fn modifiers_of_time_hold_no_selectors() {
    becomes("foo offset 5m + bar", "foo{§} offset 5m + bar{§}");
    becomes("foo offset (5m + step()) + bar", "foo{§} offset (5m + step()) + bar{§}");
    becomes("foo offset -max_of(1m, step()) / bar", "foo{§} offset -max_of(1m, step()) / bar{§}");
    becomes("foo @ start() + bar @ END ( )", "foo{§} @ start() + bar{§} @ END ( )");
    becomes("foo @ -1 offset 1h", "foo{§} @ -1 offset 1h");
    becomes("foo anchored [5m]", "foo{§} anchored [5m]");
    refused("foo offset bar");
    refused("foo offset (bar)");
    refused("foo @ bar");
    refused("foo @ start");
    refused("foo @ start{}");
}

#[test]
fn strings_end_where_prometheus_ends_them() {
    becomes(r##"foo{a="}\"#"} + bar"##, r##"foo{§,a="}\"#"} + bar{§}"##);
    becomes("foo{a=`}\\`} + bar", "foo{§,a=`}\\`} + bar{§}");
    becomes("foo{a=`\n#`} + bar", "foo{§,a=`\n#`} + bar{§}");
    becomes(r#"foo{a='"'} + bar"#, r#"foo{§,a='"'} + bar{§}"#);
    becomes(r#"foo{a="\x7d\175é\U0000007d"}"#, r#"foo{§,a="\x7d\175é\U0000007d"}"#);
    becomes(
        r#"label_replace(foo, "a", "$1", "b", "(.*)")"#,
        r#"label_replace(foo{§}, "a", "$1", "b", "(.*)")"#,
    );
    refused(r#"foo{a="\'"}"#);
    refused(r#"foo{a="\q"}"#);
    refused(r#"foo{a="\xg0"}"#);
    refused("foo{a=\"\n\"}");
    refused(r#"foo{a="b"#);
    refused("foo{a=\"\\\n\"}");
}

#[test]
fn names_of_any_characters_are_narrowed() {
    becomes(r#"{"my.metric"}"#, r#"{§,"my.metric"}"#);
    becomes(r#"{"my.metric", "la.bel"="x"}"#, r#"{§,"my.metric", "la.bel"="x"}"#);
    becomes(r#"foo{"a.b"="c"}"#, r#"foo{§,"a.b"="c"}"#);
    becomes(r#"{a="b","my.metric"}"#, r#"{§,a="b","my.metric"}"#);
    refused(r#"{""}"#);
}

#[test]
fn a_selector_that_prometheus_refuses_stays_refused() {
    for query in [
        "{}",
        "{,}",
        "foo{,}",
        "{,a=\"b\"}",
        r#"{a=""}"#,
        r#"{a=~".*"}"#,
        r#"{a!="x"}"#,
        r#"{a!~".+"}"#,
        r#"{a=~"x|"}"#,
        r#"{a=~"(x)?",b=~"^$"}"#,
        r#"{a=~"("}"#,
        r#"{a:b="c"}"#,
        r#"{a="b" or c="d"}"#,
        r#"foo{a="b"}{c="d"}"#,
    ] {
        refused(query);
    }
    for query in [
        r#"{a="b"}"#,
        r#"{a=~".+"}"#,
        r#"{a!=""}"#,
        r#"{a!~"|x"}"#,
        r#"{a="",b="x"}"#,
        r#"{__name__=~"a.*"}"#,
    ] {
        assert!(narrowed(query).is_ok(), "{query}");
    }
}

#[test]
fn functions_that_are_not_known_are_refused() {
    refused("info(foo)");
    refused("INFO(foo)");
    refused("new_function(foo)");
    refused("a:b(foo)");
    refused("or(foo)");
    becomes("time() + vector(1)", "time() + vector(1)");
    becomes("rate (foo[1m])", "rate (foo{§}[1m])");
}

#[test]
fn what_is_no_expression_is_refused() {
    for query in [
        "",
        "  # nothing",
        "foo bar",
        "foo +",
        "(foo",
        "foo)",
        "rate(foo[5m],)",
        "foo = bar",
        "foo =~ bar",
        "foo ! bar",
        "foo;bar",
        "föö",
        "foo{a=b}",
        "foo\0",
        "sum()",
        "foo,bar",
        "(a, b)",
        "on",
        "bool",
        "foo + on",
        "$foo",
        "foo | bar",
        "\u{feff}foo",
    ] {
        refused(query);
    }
}

#[test]
fn limits_hold() {
    refused(&"(".repeat(100_000));
    refused(&format!("{}foo{}", "(".repeat(300), ")".repeat(300)));
    refused(&"a or ".repeat(100_000));
    assert!(narrowed(&format!("{}foo{}", "(".repeat(150), ")".repeat(150))).is_ok());
    let limits = Limits { narrowed_bytes: 50, ..Limits::default() };
    assert!(narrow("a+a+a+a+a+a", &injection(&[r#"{t="p"}"#]).unwrap(), &limits).is_err());
}

#[test]
fn an_error_says_where() {
    assert_eq!(
        narrowed("été"),
        Err("the query is not understood at character 1: a metric, a function, a number or `(` was expected"
            .into())
    );
    assert_eq!(
        narrowed("\"é\" + info(x)"),
        Err("the query is not understood at character 7: `info` is not a function that can be narrowed"
            .into())
    );
}

#[test]
fn a_policy_becomes_patterns() {
    for (selectors, expected) in [
        (&[r#"{team="pay.ments",env!="dev",env!=""}"#][..], r#"team=~"pay\\.ments",env!~"dev",env!~"""#),
        (&[r#"{a="x"}"#, r#"{a="y|z"}"#], r#"a=~"x|y\\|z""#),
        (&[r#"{a="x",b="1"}"#, r#"{b="1",a=~"y.*"}"#], r#"a=~"x|(?:y.*)",b=~"1""#),
        (&[r#"{a="x",b="1"}"#, r#"{a="x"}"#], r#"a=~"x""#),
        (&[r#"{a="x"}"#, r#"{a="x",b="1"}"#, r#"{a="y"}"#], r#"a=~"x|y""#),
        (&[r#"{"my.label"="x\"\\"}"#], r#""my.label"=~"x\"\\\\""#),
    ] {
        assert_eq!(injection(selectors).unwrap().for_any(), expected);
    }
    assert_eq!(injection(&[r#"{a="x"}"#, r#"{b="y"}"#]), Err(NotOneSelector));
    assert_eq!(injection(&[r#"{a="x",b="1"}"#, r#"{a="y",b="2"}"#]), Err(NotOneSelector));
}

#[test]
fn a_policy_on_the_name_admits_metrics_by_name() {
    let injection = injection(&[r#"{__name__=~"http_.*",team="a"}"#]).unwrap();
    let narrowed = |query: &str| narrow(query, &injection, &Limits::default()).unwrap().query;
    assert_eq!(narrowed("http_x"), r#"http_x{team=~"a"}"#);
    assert_eq!(narrowed("other"), r#"other{team!~"(?s:.*)"}"#);
    assert_eq!(narrowed(r#"{a="b"}"#), r#"{__name__=~"http_.*",team=~"a",a="b"}"#);
}

#[test]
fn a_lone_selector_is_narrowed() {
    let injection = injection(&[r#"{t="p"}"#]).unwrap();
    let narrowed = |text: &str, emptiness| {
        narrow_selector(text, &injection, &Limits::default(), emptiness).ok().map(|narrowed| narrowed.query)
    };
    assert_eq!(narrowed(" up ", Emptiness::Refused).as_deref(), Some(r#" up{t=~"p"} "#));
    assert_eq!(narrowed(r#"{a="b"}"#, Emptiness::Refused).as_deref(), Some(r#"{t=~"p",a="b"}"#));
    assert_eq!(narrowed("{}", Emptiness::Refused), None);
    assert_eq!(narrowed("{}", Emptiness::Allowed), None);
    assert_eq!(narrowed(r#"{a=""}"#, Emptiness::Refused), None);
    assert_eq!(narrowed(r#"{a=""}"#, Emptiness::Allowed).as_deref(), Some(r#"{t=~"p",a=""}"#));
    for refused in
        ["", "a b", "a or b", "rate(a[1m])", "a[5m]", "(a)", "1", "on", "inf", "a offset 5m", "up{}{}"]
    {
        assert_eq!(narrowed(refused, Emptiness::Refused), None, "{refused}");
    }
}

/// Each pattern is short enough to be compiled, both together are not.
#[test]
fn merged_patterns_on_the_name_of_any_length_admit_only_their_metrics() {
    let pattern = |name: &str| format!("{{__name__=~\"{name}_({})\"}}", vec!["x"; 20_000].join("|"));
    let injection = injection(&[&pattern("http"), &pattern("grpc")]).unwrap();
    let narrowed = |query: &str| narrow(query, &injection, &Limits::default()).unwrap().query;
    assert_eq!(narrowed("http_x"), "http_x");
    assert_eq!(narrowed("grpc_x"), "grpc_x");
    assert_eq!(narrowed("other"), r#"other{__none__!~"(?s:.*)"}"#);
    assert_eq!(narrowed("other{a=\"b\"}"), r#"other{__none__!~"(?s:.*)",a="b"}"#);
}

#[test]
fn a_policy_without_matchers_narrows_nothing_and_is_refused() {
    assert_eq!(injection(&["{}"]), Err(NotOneSelector));
    assert_eq!(injection(&["{}", r#"{a="x"}"#]), Err(NotOneSelector));
}

#[test]
fn functions_that_take_values_apart_are_found() {
    let injection = injection(&[r#"{t="p"}"#]).unwrap();
    let found = |query: &str| {
        let narrowed = narrow(query, &injection, &Limits::default()).unwrap().takes_values_apart;
        assert_eq!(takes_values_apart(query, &Limits::default()), Ok(narrowed), "{query}");
        narrowed
    };
    for query in [
        r#"label_replace(up, "a", "$1", "b", "(.).*")"#,
        r#"label_join(up, "a", "", "b", "c")"#,
        "sum by (a) (label_replace\t(up, \"a\", \"$1\", \"b\", \"(.).*\"))",
        "1 + label_join # (\n # x\r (up, 'a', '', 'b')",
        "-(label_join(up, 'a', '', 'b'))[5m:1m]",
    ] {
        assert!(found(query), "{query}");
    }
    for query in [
        "label_replace",
        "label_join{a=\"b\"} + label_replace offset 5m",
        "sum by (label_join) (up)",
        "up # label_replace(",
        "up{a=\"label_join(\"}",
    ] {
        assert!(!found(query), "{query}");
    }
    for query in ["", "Label_Replace(up, 'a', '$1', 'b', '(.)')", "new_function(up)", "info(up)", "up{"] {
        assert!(takes_values_apart(query, &Limits::default()).is_err(), "{query}");
    }
}
