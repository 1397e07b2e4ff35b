//! What a policy decides, as tables: the whole of a sample policy in a golden file, and each rule by itself.

use std::sync::Arc;

use super::{Action, Denied, Permit, Policy, PolicyFile, Scope, Selector, SelectorError, Vocabulary};
use crate::document::Faults;
use crate::identity::Subject;

const PROMETHEUS: &[Action] = &[
    Action { name: "read", narrowable: true, help: "" },
    Action { name: "admin", narrowable: false, help: "" },
];
const ALERTMANAGER: &[Action] = &[
    Action { name: "read", narrowable: true, help: "" },
    Action { name: "silence", narrowable: true, help: "" },
    Action { name: "status", narrowable: false, help: "" },
];
const PLAIN: &[Action] = &[
    Action { name: "read", narrowable: false, help: "" },
    Action { name: "write", narrowable: false, help: "" },
];

fn vocabulary() -> Vocabulary {
    Vocabulary {
        backends: vec![
            ("prometheus".into(), PROMETHEUS),
            ("alertmanager".into(), ALERTMANAGER),
            ("wiki".into(), PLAIN),
        ],
        redactions: vec!["email", "card", "iban"],
    }
}

fn compile(text: &str) -> Result<Policy, Faults> {
    PolicyFile::compile("policy.yaml", text, &vocabulary())
}

fn permit(policy: &Policy, user: &str, groups: &[&str], backend: &str) -> Result<Permit, Denied> {
    let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    policy.decide(&Arc::new(Subject::hypothetical(user, &groups)), &backend.into())
}

/// A cell of the table: what somebody may see by an action, what is redacted, and by which roles.
fn decision(policy: &Policy, user: &str, groups: &[&str], backend: &str, action: &'static str) -> String {
    let admission = match permit(policy, user, groups, backend).and_then(|permit| permit.admit(action)) {
        Ok(admission) => admission,
        Err(denied) => return format!("denied: {denied}"),
    };
    let mut scope = match admission.scope() {
        Scope::Everything => vec!["everything".to_owned()],
        Scope::Only(selectors) => selectors.iter().map(Selector::to_string).collect(),
    };
    scope.sort();
    let kinds = vocabulary().redactions;
    let redacted: Vec<&str> = admission.redactions().positions().map(|position| kinds[position]).collect();
    let mut roles: Vec<&str> = admission.roles().iter().map(|role| &**role).collect();
    roles.sort_unstable();
    let redacted = if redacted.is_empty() { "nothing".to_owned() } else { redacted.join("+") };
    format!("{} | redacted: {redacted} | by {}", scope.join(" or "), roles.join("+"))
}

const PEOPLE: [(&str, &[&str]); 7] = [
    ("ada", &["admins"]),
    ("bo", &["payments"]),
    ("cy", &["walks"]),
    ("bocy", &["payments", "walks"]),
    ("di", &["auditors"]),
    ("dibo", &["auditors", "payments"]),
    ("nobody", &["guests", "ada"]),
];

#[test]
fn the_sample_policy_decides_as_its_table_says() {
    let policy = compile(include_str!("tests/sample.yaml")).unwrap();
    let mut table = String::new();
    for (user, groups) in PEOPLE {
        for (backend, actions) in vocabulary().backends {
            for action in actions {
                let decision = decision(&policy, user, groups, &backend, action.name);
                table.push_str(&format!("{user:<7} {backend:<13} {:<8} {decision}\n", action.name));
            }
        }
    }
    assert_eq!(
        table,
        include_str!("tests/sample.table"),
        "if the change is meant, write it to tests/sample.table:\n{table}"
    );
}

#[test]
fn what_no_grant_names_is_denied() {
    let policy = compile("roles: {}\nbindings: []\n").unwrap();
    assert!(matches!(permit(&policy, "ada", &["admins"], "prometheus"), Err(Denied::NoRole { .. })));
    let policy = compile(&one_role("{backend: prometheus, actions: [read], selectors: ['{}']}")).unwrap();
    assert!(matches!(permit(&policy, "bo", &[], "alertmanager"), Err(Denied::Backend { .. })));
    assert!(matches!(permit(&policy, "bo", &[], "elsewhere"), Err(Denied::Backend { .. })));
    let denied = permit(&policy, "bo", &[], "prometheus").unwrap().admit("admin");
    assert!(matches!(denied, Err(Denied::Action { .. })));
    assert!(
        matches!(permit(&policy, "BO", &[], "prometheus"), Err(Denied::NoRole { .. })),
        "names are compared exactly"
    );
    assert!(
        matches!(permit(&policy, "x", &["bo"], "prometheus"), Err(Denied::NoRole { .. })),
        "a group is no user"
    );
}

/// A policy in which `bo` holds a role with these grants.
fn one_role(grants: &str) -> String {
    format!("roles: {{r: {{grants: [{grants}]}}}}\nbindings: [{{role: r, users: [bo]}}]\n")
}

const GRANTS: [&str; 4] = [
    "{backend: prometheus, actions: [read], selectors: ['{team=\"a\"}'], redact: [email]}",
    "{backend: prometheus, actions: [read], selectors: ['{team=\"b\"}', '{team=\"a\"}'], redact: [card]}",
    "{backend: prometheus, actions: [admin], selectors: ['{}'], redact: [iban]}",
    "{backend: alertmanager, actions: [read], selectors: ['{team=\"c\"}']}",
];

#[test]
fn grants_add_up_and_their_order_never_matters() {
    let mut orders = Vec::new();
    for first in 0..4 {
        for second in 0..4 {
            for third in 0..4 {
                let fourth = 6_usize.wrapping_sub(first + second + third);
                let order = [first, second, third, fourth];
                if (0..4).all(|grant| order.contains(&grant)) {
                    orders.push(order);
                }
            }
        }
    }
    assert_eq!(orders.len(), 24);
    for order in orders {
        let inside_one = one_role(&order.map(|grant| GRANTS[grant]).join(", "));
        let mut roles = String::from("roles:\n");
        let mut bindings = String::from("bindings:\n");
        for (position, grant) in order.into_iter().enumerate() {
            roles.push_str(&format!("  r{}{position}: {{grants: [{}]}}\n", 9 - position, GRANTS[grant]));
            bindings.push_str(&format!("  - {{role: r{}{position}, users: [bo]}}\n", 9 - position));
        }
        for text in [inside_one, roles + &bindings] {
            let policy = compile(&text).unwrap();
            let cells = [("prometheus", "read"), ("prometheus", "admin"), ("alertmanager", "read")].map(
                |(backend, action)| {
                    let cell = decision(&policy, "bo", &[], backend, action);
                    cell.split(" | by ").next().unwrap_or_default().to_owned()
                },
            );
            assert_eq!(
                cells,
                [
                    "{team=\"a\"} or {team=\"b\"} | redacted: email+card",
                    "everything | redacted: iban",
                    "{team=\"c\"} | redacted: nothing",
                ],
                "{text}"
            );
        }
    }
}

#[test]
fn a_grant_of_one_action_widens_no_other() {
    let policy = compile(&one_role(
        "{backend: alertmanager, actions: [read], selectors: ['{}']}, \
         {backend: alertmanager, actions: [silence], selectors: ['{team=\"a\"}']}",
    ))
    .unwrap();
    assert_eq!(decision(&policy, "bo", &[], "alertmanager", "read"), "everything | redacted: nothing | by r");
    assert_eq!(
        decision(&policy, "bo", &[], "alertmanager", "silence"),
        "{team=\"a\"} | redacted: nothing | by r"
    );
}

#[test]
fn what_shows_everything_decides_on_redaction_and_the_mildest_wins() {
    let read = |grants: &str| {
        let policy = compile(&one_role(grants)).unwrap();
        decision(&policy, "bo", &[], "prometheus", "read")
    };
    let all = |redact: &str| {
        format!("{{backend: prometheus, actions: [read], selectors: ['{{}}'], redact: [{redact}]}}")
    };
    let part = |redact: &str| {
        format!("{{backend: prometheus, actions: [read], selectors: ['{{team=\"a\"}}'], redact: [{redact}]}}")
    };
    assert_eq!(read(&all("email, card")), "everything | redacted: email+card | by r");
    assert_eq!(
        read(&[all("email, card"), all("card, iban")].join(", ")),
        "everything | redacted: card | by r"
    );
    assert_eq!(
        read(&[all("email"), part("")].join(", ")),
        "everything | redacted: email | by r",
        "a part frees nothing"
    );
    assert_eq!(read(&[all(""), part("email")].join(", ")), "everything | redacted: nothing | by r");
    assert_eq!(read(&[part("email"), part("card")].join(", ")), "{team=\"a\"} | redacted: email+card | by r");
}

#[test]
fn a_star_is_what_can_be_narrowed_unless_everything_is_shown() {
    let policy =
        compile(&one_role("{backend: alertmanager, actions: ['*'], selectors: ['{team=\"a\"}']}")).unwrap();
    let permit = permit(&policy, "bo", &[], "alertmanager").unwrap();
    assert!(permit.admit("read").is_ok() && permit.admit("silence").is_ok());
    assert!(permit.admit("status").is_err());
}

#[test]
fn a_selector_that_matches_an_absent_label_is_refused() {
    for text in [
        "{team=\"\"}",
        "{team!=\"walks\"}",
        "{team=~\".*\"}",
        "{team=~\"payments|\"}",
        "{team!~\"walks.*\"}",
        "{team=\"payments\",env!=\"prod\"}",
        "{team=~\"(?i)(payments)?\"}",
    ] {
        let refused = Selector::parse(text);
        assert!(matches!(refused, Err(SelectorError::MatchesAbsent { .. })), "{text}: {refused:?}");
    }
    for text in
        ["{}", "{ }", "{team=\"a\",}", "{team!=\"\"}", "{team!=\"walks\",team!=\"\"}", "{team=~\".+\"}"]
    {
        assert!(Selector::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn what_is_no_selector_is_refused() {
    for text in [
        "",
        "team=\"a\"",
        "{team}",
        "{team=a}",
        "{team=\"a\"",
        "{team=\"a\"}x",
        "{team==\"a\"}",
        "{,}",
        "{team=\"a\",,}",
        "{1=\"a\"}",
        "{team=\"a\\q\"}",
        "{team=\"a\n\"}",
        "up{team=\"a\"}",
        "{team=\"a\" team=\"b\"}",
        "{\"\"=\"a\"}",
    ] {
        assert!(matches!(Selector::parse(text), Err(SelectorError::Syntax { .. })), "{text}");
    }
    assert!(matches!(Selector::parse("{team=~\"(\"}"), Err(SelectorError::Pattern { .. })));
}

#[test]
fn a_selector_prints_as_it_is_read() {
    for text in ["{}", "{team=\"a\\\"b\\\\c\\nd\"}", "{a=~\"b|c\",d!=\"\",d!~\"x.*\"}", "{é=\"ü\"}"] {
        let Ok(selector) = Selector::parse(text) else { continue };
        assert_eq!(Selector::parse(&selector.to_string()).unwrap(), selector);
    }
    assert_eq!(Selector::parse("{a='x\"y'}").unwrap().to_string(), "{a=\"x\\\"y\"}");
}

#[test]
fn an_absent_label_has_the_empty_value() {
    let selector = Selector::parse("{team=~\"a|b\",env!=\"prod\",env!=\"\"}").unwrap();
    let matches = |labels: &[(&str, &'static str)]| {
        selector.matches(|name| labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value))
    };
    assert!(matches(&[("team", "a"), ("env", "dev")]));
    assert!(!matches(&[("team", "a"), ("env", "prod")]));
    assert!(!matches(&[("team", "a")]));
    assert!(!matches(&[("env", "dev")]));
    assert!(!matches(&[("team", "ab"), ("env", "dev")]));
}

#[test]
fn every_fault_is_reported_at_once_with_its_line() {
    let faults = compile(include_str!("tests/faulty.yaml")).unwrap_err();
    let found: Vec<String> =
        faults.iter().map(|fault| format!("{}: {}: {}", fault.line, fault.key, fault.message)).collect();
    assert_eq!(found.join("\n") + "\n", include_str!("tests/faulty.faults"), "{}", found.join("\n"));
}
