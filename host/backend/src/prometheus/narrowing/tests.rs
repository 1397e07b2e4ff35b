use bartizan_access::policy::Selector;

use super::{Form, Injection, Narrowing, narrowed_matches};

fn matches(asked: &[&str], narrowing: Narrowing) -> Option<Vec<String>> {
    let injection = Injection::new(&[Selector::parse(r#"{t="p"}"#).unwrap()]).unwrap();
    let mut form = Form::default();
    for selector in asked {
        form.push("match[]", selector);
    }
    narrowed_matches(&form, &injection, narrowing).ok()
}

#[test]
fn each_selector_is_narrowed() {
    let expected = vec![r#"up{t=~"p"}"#.to_owned(), r#"{t=~"p",a="b"}"#.to_owned()];
    assert_eq!(matches(&["up", r#"{a="b"}"#], Narrowing::Selectors), Some(expected));
    assert_eq!(matches(&["up", "{}"], Narrowing::DemandedSelectors), None);
    assert_eq!(matches(&[r#"{a=""}"#], Narrowing::Federation), Some(vec![r#"{t=~"p",a=""}"#.to_owned()]));
    assert_eq!(matches(&["{}"], Narrowing::Federation), None);
}

#[test]
fn a_missing_selector_never_means_everything() {
    assert_eq!(matches(&[], Narrowing::Selectors), Some(vec![r#"{t=~"p"}"#.to_owned()]));
    assert_eq!(matches(&[], Narrowing::DemandedSelectors), None);
    assert_eq!(matches(&[], Narrowing::Federation), None);
}
