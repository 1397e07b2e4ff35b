use std::fs;
use std::path::Path;

use super::Reread;
use crate::identity::failure::SetupError;
use crate::identity::file;

fn number(path: &Path) -> Result<u32, SetupError> {
    let text = file::read_text(path)?;
    text.trim().parse().map_err(|_| SetupError::Keys { path: path.to_owned(), reason: "no number".into() })
}

#[test]
fn a_changed_file_is_read_and_a_broken_or_missing_one_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("number");
    fs::write(&path, "1").expect("written");
    let reread = Reread::of(path.clone(), number).expect("read");
    assert!(!reread.read_if_changed());

    file::replace(&path, b"2").expect("replaced");
    assert!(reread.read_if_changed());
    assert_eq!(**reread.load(), 2);

    file::replace(&path, b"x").expect("replaced");
    assert!(!reread.read_if_changed());
    assert!(reread.read_again().is_err());
    fs::remove_file(&path).expect("removed");
    assert!(!reread.read_if_changed());
    assert!(!reread.read_if_changed());
    assert_eq!(**reread.load(), 2);

    fs::write(&path, "3").expect("written");
    assert!(reread.read_if_changed());
    assert_eq!(**reread.load(), 3);
}
