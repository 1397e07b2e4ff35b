use super::*;

fn kinds(text: &str) -> Vec<(Kind, &str)> {
    let finder = Finder::new(Kinds::all(), false);
    let mut search = Search::default();
    let mut all = Vec::new();
    while let Step::Found(found) = finder.step(text.as_bytes(), &mut search, true) {
        all.push((found.kind, &text[found.start..found.end]));
    }
    all
}

#[test]
fn spans_cover_the_value_and_no_more() {
    assert_eq!(
        kinds("to <bob@example.com>, 10.1.2.3:80"),
        [(Kind::Email, "bob@example.com"), (Kind::Ip, "10.1.2.3")]
    );
    assert_eq!(kinds("+1 212 555 0123 x"), [(Kind::Phone, "+1 212 555 0123")]);
}

#[test]
fn a_trigger_near_the_end_waits_until_the_text_goes_on() {
    let finder = Finder::new(Kinds::all(), false);
    let text = [b"bob@example.com".as_slice(), &[b' '; LOOK_AHEAD]].concat();
    let mut search = Search::default();
    assert_eq!(finder.step(&text[..LOOK_AHEAD], &mut search, false), Step::Nothing);
    assert_eq!(search.from, 0);
    assert_eq!(
        finder.step(&text, &mut search, false),
        Step::Found(Found { kind: Kind::Email, start: 0, end: 15 })
    );
}

#[test]
fn what_a_set_does_not_hold_is_not_worth_a_search() {
    let finder = Finder::new(Kinds::from_iter([Kind::Email]), false);
    assert!(!finder.is_worth(trigger(b'1') | trigger(b':'), 20));
    assert!(finder.is_worth(trigger(b'@'), 20));
    assert!(!finder.is_worth(trigger(b'@'), 2));
}

#[test]
fn a_sample_value_is_one_only_in_exposition() {
    let line = b"x{a=\"b\"} 4111111111111111\n";
    let find = |exposition| Finder::new(Kinds::all(), exposition).step(line, &mut Search::default(), true);
    assert_eq!(find(true), Step::Nothing);
    assert_eq!(find(false), Step::Found(Found { kind: Kind::Card, start: 9, end: 25 }));
}

#[test]
fn the_check_digits_matter() {
    for digit in b'0'..=b'9' {
        let mut number = *b"4111111111111111";
        number[15] = digit;
        assert_eq!(is_card_number(&number), digit == b'1');
    }
}
