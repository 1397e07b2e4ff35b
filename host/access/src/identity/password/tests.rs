use super::{PasswordHash, fault};

const SALT_AND_HASH: &str = "c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b4dWRWJTmaaJObG0aGzwqGkWqs";

fn of(prefix: &str) -> Result<PasswordHash, &'static str> {
    PasswordHash::parse(&format!("${prefix}${SALT_AND_HASH}"))
}

#[test]
fn a_password_is_verified_and_another_is_not() {
    let hash = PasswordHash::of("correct horse").expect("hashes");
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    let hash = PasswordHash::parse(hash.as_str()).expect("its own text is read");
    assert!(hash.verifies("correct horse"));
    for other in ["", "correct hors", "correct horse ", "Correct horse"] {
        assert!(!hash.verifies(other), "{other}");
    }
}

#[test]
fn only_argon2id_of_sufficient_cost_is_read() {
    for good in ["m=19456,t=2,p=1", "m=47104,t=1,p=1", "m=12288,t=3,p=1", "m=7168,t=5,p=1", "m=65536,t=3,p=4"]
    {
        assert!(of(&format!("argon2id$v=19${good}")).is_ok(), "{good}");
    }
    for bad in [
        "argon2id$v=19$m=4096,t=3,p=1",
        "argon2id$v=19$m=19456,t=1,p=1",
        "argon2id$v=19$m=1024,t=100,p=1",
        "argon2id$v=19$m=4000000,t=2,p=1",
        "argon2id$v=19$m=19456,t=1000,p=1",
        "argon2id$v=16$m=19456,t=2,p=1",
        "argon2id$m=19456,t=2,p=1",
        "argon2i$v=19$m=19456,t=2,p=1",
        "argon2d$v=19$m=19456,t=2,p=1",
        "scrypt$ln=16,r=8,p=1",
    ] {
        assert!(of(bad).is_err(), "{bad}");
    }
    for bad in [
        "",
        "hunter2",
        "$2y$10$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA",
    ] {
        assert!(PasswordHash::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_decoy_costs_what_the_real_one_costs_and_fits_nothing() {
    let hash = of("argon2id$v=19$m=12288,t=3,p=1").expect("reads");
    let decoy = hash.decoy().expect("made");
    assert!(decoy.as_str().starts_with("$argon2id$v=19$m=12288,t=3,p=1$"));
    assert!(!decoy.verifies("") && !decoy.verifies("password"));
}

#[test]
fn a_hash_is_not_shown() {
    let hash = of("argon2id$v=19$m=19456,t=2,p=1").expect("reads");
    assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
}

#[test]
fn new_passwords_are_neither_short_nor_endless() {
    assert_eq!(fault("12345678"), None);
    assert!(fault("1234567").is_some());
    assert!(fault(&"x".repeat(1025)).is_some());
    assert!(fault("1234\n5678").is_some());
}
