use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{SessionKeys, rotate_session_keys};
use crate::identity::failure::SessionFault;

fn parse(text: &str) -> Result<SessionKeys, String> {
    SessionKeys::parse(Path::new("session.keys"), text).map_err(|error| error.to_string())
}

fn line(byte: u8) -> String {
    URL_SAFE_NO_PAD.encode([byte; 32])
}

#[test]
fn what_is_sealed_is_opened_and_each_time_looks_different() {
    let keys = SessionKeys::fresh().expect("a key");
    let (one, two) = (keys.seal(b"content").expect("sealed"), keys.seal(b"content").expect("sealed"));
    assert_ne!(one, two);
    assert_eq!(keys.open(one.as_bytes()).as_deref(), Ok(b"content".as_slice()));
    assert_eq!(keys.open(two.as_bytes()).as_deref(), Ok(b"content".as_slice()));
}

#[test]
fn every_flipped_bit_breaks_it() {
    let keys = SessionKeys::fresh().expect("a key");
    let sealed = URL_SAFE_NO_PAD.decode(keys.seal(b"some content").expect("sealed")).expect("base64url");
    for bit in 0..sealed.len() * 8 {
        let mut forged = sealed.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        assert!(keys.open(URL_SAFE_NO_PAD.encode(&forged).as_bytes()).is_err(), "bit {bit}");
    }
}

#[test]
fn every_changed_character_breaks_it() {
    let keys = SessionKeys::fresh().expect("a key");
    let sealed = keys.seal(b"some content").expect("sealed").into_bytes();
    for at in 0..sealed.len() {
        for other in (0..=255u8).filter(|other| *other != sealed[at]) {
            let mut forged = sealed.clone();
            forged[at] = other;
            assert!(keys.open(&forged).is_err(), "character {at} as {other}");
        }
    }
}

#[test]
fn what_is_cut_or_grows_is_refused() {
    let keys = SessionKeys::fresh().expect("a key");
    let sealed = keys.seal(b"some content").expect("sealed");
    assert!((0..sealed.len()).all(|length| keys.open(&sealed.as_bytes()[..length]).is_err()));
    for more in ["A", "=", "AAAA", " ", "\0"] {
        assert!(keys.open(format!("{sealed}{more}").as_bytes()).is_err(), "{more:?}");
    }
    assert_eq!(keys.open(&[b'A'; 100_000]), Err(SessionFault::Unreadable));
}

#[test]
fn an_old_key_still_opens_and_a_removed_one_does_not() {
    let old = parse(&line(1)).expect("keys");
    let sealed = old.seal(b"content").expect("sealed");
    let rotated = parse(&format!("# new on top\n{}\n\n  {}  \n", line(2), line(1))).expect("keys");
    assert!(rotated.open(sealed.as_bytes()).is_ok());
    assert_eq!(old.open(rotated.seal(b"x").expect("sealed").as_bytes()), Err(SessionFault::UnknownKey));
    assert_eq!(parse(&line(2)).expect("keys").open(sealed.as_bytes()), Err(SessionFault::UnknownKey));
}

#[test]
fn a_key_file_is_made_private_once_and_rotated_without_loss() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state/session.keys");
    let first = SessionKeys::read_or_create(&path).expect("made");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let sealed = first.seal(b"content").expect("sealed");
    for _ in 0..2 {
        rotate_session_keys(&path).expect("rotated");
        assert!(SessionKeys::read_or_create(&path).expect("read").open(sealed.as_bytes()).is_ok());
    }
    rotate_session_keys(&path).expect("rotated");
    let fourth = SessionKeys::read_or_create(&path).expect("read");
    assert_eq!(fourth.open(sealed.as_bytes()), Err(SessionFault::UnknownKey));
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_faulty_key_file_is_refused_without_showing_it() {
    let short = URL_SAFE_NO_PAD.encode([5; 31]);
    for (text, expected) in [
        ("", "holds no session key"),
        ("# nothing\n", "holds no session key"),
        (short.as_str(), "line 1 is not a session key"),
        (&format!("{}\nnonsense\n", line(1)), "line 2 is not a session key"),
        (&format!("{}\n{}\n", line(1), line(1)), "line 2 repeats"),
        (&(1..18).map(|byte| line(byte) + "\n").collect::<String>(), "holds 17 session keys"),
    ] {
        let error = parse(text).expect_err("refused");
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains(&line(1)) && !error.contains(&short));
    }
    let keys = parse(&line(1)).expect("keys");
    assert_eq!(format!("{keys:?}"), "SessionKeys(1 of them)");
}
