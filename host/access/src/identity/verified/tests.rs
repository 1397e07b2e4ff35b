use std::sync::Arc;

use super::{Finding, MOST_BYTES_IN_SHARD, MOST_IN_SHARD, SHARDS, Span, Verified};
use crate::identity::failure::Evidence;
use crate::identity::subject::{Login, Subject};

const SPAN: Span = Span { from_seconds: 100, until_seconds: 200 };

fn finding(name: &str) -> Finding {
    Finding { subject: Arc::new(Subject::new(name.to_owned(), Vec::new(), Login::Basic)), session: None }
}

fn found(verified: &Verified, credential: &str, generation: u64, now: u64) -> Option<String> {
    let finding = verified.find(Evidence::Bearer, credential.as_bytes(), generation, now)?;
    Some(finding.subject.name().to_owned())
}

#[test]
fn a_finding_holds_for_its_time_and_generation() {
    let verified = Verified::new();
    verified.remember(Evidence::Bearer, b"token", 3, SPAN, finding("bo"));
    assert_eq!(found(&verified, "token", 3, 100).as_deref(), Some("bo"));
    assert_eq!(found(&verified, "token", 3, 199).as_deref(), Some("bo"));
    assert_eq!(found(&verified, "token", 3, 200), None);
    assert_eq!(found(&verified, "token", 3, 99), None, "a clock that went back verifies again");
    assert_eq!(found(&verified, "token", 4, 150), None, "keys or users changed");
}

#[test]
fn other_evidence_finds_nothing() {
    let verified = Verified::new();
    verified.remember(Evidence::Bearer, b"token", 0, SPAN, finding("bo"));
    for other in ["", "toke", "tokem", "token ", "Token"] {
        assert_eq!(found(&verified, other, 0, 150), None, "{other}");
    }
    assert!(verified.find(Evidence::Session, b"token", 0, 150).is_none(), "of another kind");
}

#[test]
fn a_flood_does_not_grow_it() {
    let verified = Verified::new();
    for i in 0..3 * MOST_IN_SHARD * SHARDS {
        verified.remember(Evidence::Bearer, format!("token {i}").as_bytes(), 0, SPAN, finding("bo"));
    }
    let held: usize = verified.shards.iter().map(|shard| shard.lock().expect("sound").entries.len()).sum();
    assert!(held <= MOST_IN_SHARD * SHARDS, "{held}");
    assert!(held > MOST_IN_SHARD * SHARDS / 2, "{held}");
}

#[test]
fn long_evidence_does_not_grow_it_either() {
    let verified = Verified::new();
    let padding = "x".repeat(16 * 1024);
    for i in 0..MOST_IN_SHARD * SHARDS {
        verified.remember(Evidence::Bearer, format!("{padding} {i}").as_bytes(), 0, SPAN, finding("bo"));
    }
    for shard in &verified.shards {
        let shard = shard.lock().expect("sound");
        let held: usize = shard.entries.values().map(|entry| entry.credential.len()).sum();
        assert_eq!(held, shard.bytes);
        assert!(held <= MOST_BYTES_IN_SHARD && held > MOST_BYTES_IN_SHARD / 2, "{held}");
    }
    let last = format!("{padding} {}", MOST_IN_SHARD * SHARDS - 1);
    assert_eq!(found(&verified, &last, 0, 150).as_deref(), Some("bo"));
}
