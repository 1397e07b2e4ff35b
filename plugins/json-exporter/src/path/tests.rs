use serde_json::json;

use super::*;

fn path(text: &str) -> Path {
    Path::try_from(text.to_owned()).unwrap()
}

#[test]
fn names_indices_and_wildcards_lead_to_their_places() {
    let document = json!({"a": {"b": [{"c": 1}, {"c": 2}, {"d": 3}], "odd name": 4}});
    let values =
        |text| path(text).places(&document).into_iter().map(|place| place.value.clone()).collect::<Vec<_>>();

    assert_eq!(values("a.b[*].c"), [json!(1), json!(2)]);
    assert_eq!(values("$.a.b[1].c"), [json!(2)]);
    assert_eq!(values("a['odd name']"), [json!(4)]);
    assert_eq!(values("$['a'].b.*.d"), [json!(3)]);
    assert_eq!(values("a.x.y"), Vec::<Value>::new());
    assert_eq!(values("a.b.c"), Vec::<Value>::new());
    assert_eq!(values("$"), [document.clone()]);
    assert_eq!(values(""), [document.clone()]);
}

#[test]
fn a_wildcard_remembers_the_key() {
    let document = json!({"walks": {"up": 1}});
    let places = path("walks.*").places(&document);
    assert!(matches!(places[0].key, Some(Key::Name("up"))));
}

#[test]
fn what_is_not_understood_is_refused() {
    for text in ["a..b", "a[", "a[?(@.b)]", "a[1:2]", ".a", "$a", "a[-1]", "a['b]", "a.", "$..a", "a]b", "[]"]
    {
        assert!(Path::try_from(text.to_owned()).is_err(), "{text}");
    }
}
