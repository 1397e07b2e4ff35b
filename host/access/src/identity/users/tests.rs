use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::Users;
use crate::identity::SetupError;

const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b4dWRWJTmaaJObG0aGzwqGkWqs";

#[test]
fn what_was_put_into_a_file_is_read_from_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state/users.yaml");
    let groups = vec!["payments".to_owned(), "say \"hi\", \\ # y: {}".to_owned()];
    assert!(!Users::put(&path, "bo", "correct horse", &groups).expect("added"));
    assert!(!Users::put(&path, "no", "another one", &[]).expect("added"));
    assert!(Users::put(&path, "bo", "battery staple", &groups).expect("changed"));
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let left = fs::read_dir(path.parent().expect("a directory")).expect("read").count();
    assert_eq!(left, 1, "nothing is left lying about");

    let users = Users::read(&path).expect("read");
    let found: Vec<(&str, &[String])> = users.iter().collect();
    assert_eq!(found, [("bo", groups.as_slice()), ("no", &[])]);
    assert!(users.verify("bo", "battery staple"));
    assert!(!users.verify("bo", "correct horse"));
    assert!(!users.verify("ghost", "battery staple"));

    assert!(Users::remove(&path, "bo").expect("removed"));
    assert!(!Users::remove(&path, "bo").expect("gone"));
    assert!(Users::read(&path).expect("read").get("bo").is_none());
}

#[test]
fn a_file_with_faults_is_left_alone_and_all_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("users.yaml");
    let text = format!(
        "users:\n  bo: {{password: hunter2}}\n  \"a:b\": {{password: \"{HASH}\", group: x}}\n  cy: {{password: \"{HASH}\", groups: [\"\"]}}\n"
    );
    fs::write(&path, &text).expect("written");
    let Err(SetupError::Users(faults)) = Users::put(&path, "di", "correct horse", &[]) else {
        panic!("a file with faults was taken");
    };
    let at: Vec<(usize, &str)> = faults.iter().map(|fault| (fault.line, fault.key.as_str())).collect();
    assert_eq!(
        at,
        [(2, "users.bo.password"), (3, "users.a:b.group"), (3, "users.a:b"), (4, "users.cy.groups[0]")]
    );
    assert_eq!(fs::read_to_string(&path).expect("read"), text);
}

#[test]
fn names_and_passwords_that_cannot_work_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("users.yaml");
    for name in ["", "a:b", " a", "a\n", &"x".repeat(129)] {
        assert!(
            matches!(Users::put(&path, name, "correct horse", &[]), Err(SetupError::User { .. })),
            "{name:?}"
        );
    }
    assert!(matches!(Users::put(&path, "bo", "short", &[]), Err(SetupError::User { .. })));
    assert!(!path.exists());
}

#[test]
fn a_changed_password_changes_the_stamp_and_changed_groups_do_not() {
    let stamp = |password: &str, groups: &str| {
        let text = format!("users: {{bo: {{password: \"{password}\", groups: [{groups}]}}}}");
        Users::parse("users.yaml", &text).expect("read").get("bo").expect("there").stamp()
    };
    assert_eq!(stamp(HASH, "a"), stamp(HASH, "b"));
    assert_ne!(stamp(HASH, "a"), stamp(&HASH.replace("c29t", "c29u"), "a"));
}
