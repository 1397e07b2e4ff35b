use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::{Audit, AuditSettings, Record, Verdict, head_path, record::rfc3339, verify};

fn record(path: &str) -> Record {
    let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    let mut record = Record::of_request(time, "r1".into(), [192, 0, 2, 7].into());
    record.method = Some(http::Method::GET);
    record.path = path.into();
    record.query = Some("query=up\n\"quoted\"".into());
    record.status = 200;
    record.redacted = vec![("email", 2)];
    record
}

fn written(folder: &Path, rotate_bytes: u64, count: usize) -> PathBuf {
    let file = folder.join("audit.jsonl");
    let (audit, thread) = Audit::open(AuditSettings { file: file.clone(), rotate_bytes }).expect("opens");
    for i in 0..count {
        audit.keep(&record(&format!("/prometheus/{i}")));
    }
    drop(thread);
    file
}

fn broken_at(files: &[PathBuf]) -> u64 {
    match verify(files).expect("readable") {
        Verdict::Broken { line, .. } => line,
        Verdict::Intact { .. } => panic!("a change went unnoticed"),
    }
}

#[test]
fn an_untouched_file_is_intact_also_over_restarts() {
    let folder = tempfile::tempdir().expect("tempdir");
    written(folder.path(), u64::MAX, 3);
    let file = written(folder.path(), u64::MAX, 2);
    match verify(&[file]).expect("readable") {
        Verdict::Intact { first, last, .. } => assert_eq!((first, last), (1, 5)),
        broken => panic!("{broken:?}"),
    }
}

#[test]
fn an_edited_line_shows() {
    let folder = tempfile::tempdir().expect("tempdir");
    let file = written(folder.path(), u64::MAX, 4);
    let text = fs::read_to_string(&file).expect("readable");
    fs::write(&file, text.replacen("/prometheus/1", "/prometheus/9", 1)).expect("writable");
    assert_eq!(broken_at(&[file]), 2);
}

#[test]
fn a_removed_line_and_swapped_lines_show() {
    let folder = tempfile::tempdir().expect("tempdir");
    let file = written(folder.path(), u64::MAX, 4);
    let text = fs::read_to_string(&file).expect("readable");
    let lines: Vec<&str> = text.lines().collect();
    fs::write(&file, format!("{}\n{}\n{}\n", lines[0], lines[2], lines[3])).expect("writable");
    assert_eq!(broken_at(std::slice::from_ref(&file)), 2);
    fs::write(&file, format!("{}\n{}\n{}\n{}\n", lines[0], lines[2], lines[1], lines[3])).expect("writable");
    assert_eq!(broken_at(&[file]), 2);
}

#[test]
fn a_cut_tail_shows_by_the_head() {
    let folder = tempfile::tempdir().expect("tempdir");
    let file = written(folder.path(), u64::MAX, 4);
    let text = fs::read_to_string(&file).expect("readable");
    let cut = text.trim_end().rfind('\n').expect("lines") + 1;
    fs::write(&file, &text[..cut]).expect("writable");
    assert_eq!(broken_at(&[file]), 4);
}

#[test]
fn rotation_goes_on_with_the_chain() {
    let folder = tempfile::tempdir().expect("tempdir");
    for _ in 0..3 {
        written(folder.path(), 400, 2);
    }
    let mut files: Vec<PathBuf> = fs::read_dir(folder.path())
        .expect("readable")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| !path.extension().is_some_and(|extension| extension == "head" || extension == "jsonl"))
        .collect();
    files.sort();
    assert!(files.len() >= 2, "{files:?}");
    files.push(folder.path().join("audit.jsonl"));
    match verify(&files).expect("readable") {
        Verdict::Intact { first, last, .. } => assert_eq!((first, last), (1, 6)),
        broken => panic!("{broken:?}"),
    }
    files.remove(1);
    assert!(matches!(verify(&files).expect("readable"), Verdict::Broken { .. }), "a removed file is a gap");
}

#[test]
fn a_torn_last_line_is_cut_at_the_next_start() {
    let folder = tempfile::tempdir().expect("tempdir");
    let file = written(folder.path(), u64::MAX, 2);
    let text = fs::read_to_string(&file).expect("readable");
    fs::write(&file, format!("{text}{{\"time\":\"20")).expect("writable");
    written(folder.path(), u64::MAX, 1);
    assert!(matches!(
        verify(std::slice::from_ref(&file)).expect("readable"),
        Verdict::Intact { last: 3, .. }
    ));
    assert!(head_path(&file).exists());
}

#[test]
fn times_are_rfc_3339() {
    assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_millis(1_709_210_096_007)), "2024-02-29T12:34:56.007Z");
    assert_eq!(rfc3339(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
}

#[test]
fn a_cut_tail_still_shows_after_a_restart() {
    let folder = tempfile::tempdir().expect("tempdir");
    let file = written(folder.path(), u64::MAX, 4);
    let text = fs::read_to_string(&file).expect("readable");
    let cut = text.trim_end().rfind('\n').expect("lines") + 1;
    fs::write(&file, &text[..cut]).expect("writable");
    written(folder.path(), u64::MAX, 1);
    assert_eq!(broken_at(&[file]), 4);
}

#[test]
fn a_question_cannot_hide_behind_padding() {
    let mut long = record("/x");
    long.query = Some(format!("query=#{}%0asum(secret)", "x".repeat(40_000)));
    let mut out = Vec::new();
    long.write(&mut out);
    let text = String::from_utf8(out).expect("text");
    assert!(
        text.contains("sum(secret)") && text.contains("SHA-256") && text.len() < 20_000,
        "{}",
        text.len()
    );
}

#[test]
fn credentials_in_a_query_are_left_out() {
    let mut leaky = record("/x");
    leaky.query = Some("query=up&access_token=s3cret&Token=s3cret".into());
    let mut out = Vec::new();
    leaky.write(&mut out);
    let text = String::from_utf8(out).expect("text");
    assert!(
        !text.contains("s3cret") && text.contains("query=up&access_token=[secret]&Token=[secret]"),
        "{text}"
    );
}

#[test]
fn a_file_that_is_moved_away_is_followed_by_a_new_one_in_the_same_chain() {
    let folder = tempfile::tempdir().expect("tempdir");
    let file = folder.path().join("audit.jsonl");
    let settings = AuditSettings { file: file.clone(), rotate_bytes: u64::MAX };
    let (audit, thread) = Audit::open(settings).expect("opens");
    audit.keep(&record("/before"));
    let old = folder.path().join("audit.old");
    while fs::metadata(&file).expect("there").len() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    fs::rename(&file, &old).expect("renamed");
    audit.keep(&record("/after"));
    drop(thread);
    assert!(fs::read_to_string(&file).expect("a new file").contains("/after"));
    assert!(matches!(verify(&[old, file]).expect("readable"), Verdict::Intact { first: 1, last: 2, .. }));
}

#[test]
fn strangers_cannot_fill_the_memory_while_nothing_can_be_written() {
    let shared = super::Shared::default();
    shared.broken.store(true, std::sync::atomic::Ordering::Relaxed);
    let audit = Audit { shared: std::sync::Arc::new(shared) };
    let mut denied = record("/x");
    denied.decision = super::Decision::Denied;
    for _ in 0..100 {
        audit.keep(&denied);
    }
    assert_eq!((audit.dropped(), audit.records()), (100, 0));
}
