//! How the code has to look, as far as a text search can tell.

use std::path::{Path, PathBuf};

use support::repository::root;

/// Names that say nothing about what a module holds.
const EMPTY_NAMES: [&str; 9] =
    ["common", "data", "helper", "helpers", "manager", "misc", "util", "utilities", "utils"];

/// Files are split before they get this long.
const MOST_LINES: usize = 800;

/// `main.rs` calls the program; it is not the program.
const MOST_LINES_OF_MAIN: usize = 80;

#[test]
fn files_are_short() {
    let long: Vec<String> = sources(&["host", "plugins", "tests"])
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(path, lines)| {
            *lines > if path.ends_with("host/src/main.rs") { MOST_LINES_OF_MAIN } else { MOST_LINES }
        })
        .map(|(path, lines)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn modules_are_named_for_what_they_hold() {
    for (path, text) in sources(&["host", "plugins", "tests"]) {
        let named = path.file_stem().is_some_and(|stem| EMPTY_NAMES.iter().any(|name| stem == *name));
        assert!(!named, "{}", path.display());
        for line in text.lines() {
            let declared =
                line.split_once("mod ").filter(|(before, _)| before.is_empty() || before.starts_with("pub"));
            let name = declared.map(|(_, rest)| rest.trim_end_matches([';', '{', ' ']));
            assert!(name.is_none_or(|name| !EMPTY_NAMES.contains(&name)), "{}: {line}", path.display());
        }
    }
}

#[test]
fn nothing_is_unsafe_but_the_loading_of_components() {
    for (path, text) in sources(&["host", "plugins", "tests"]) {
        if path.starts_with(root().join("host/plugin")) || path.ends_with(file!()) {
            continue;
        }
        for line in text.lines().map(str::trim_start).filter(|line| !line.starts_with("//")) {
            let keyword = ["{", "fn", "impl", "extern", "trait"]
                .iter()
                .any(|next| line.contains(&format!("unsafe {next}")));
            assert!(!keyword && !line.contains("(unsafe_code"), "{}: {line}", path.display());
        }
    }
}

#[test]
fn no_lint_is_silenced_without_a_reason() {
    for (path, text) in sources(&["host", "plugins", "tests"]) {
        let attributes = text.split("[allow(").chain(text.split("[expect(").skip(1)).skip(1);
        let bare =
            attributes.filter_map(|rest| rest.split(")]").next()).any(|inside| !inside.contains("reason = "));
        assert!(!bare || path.ends_with(file!()), "{}", path.display());
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    for (path, text) in sources(&["host"]) {
        let is_test =
            path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
        assert!(is_test || text.starts_with("//!"), "{} opens without //!", path.display());
    }
}

/// Every Rust file below these folders, with its text; nothing that was built.
fn sources(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for folder in folders {
        gather(&root().join(folder), &mut files);
    }
    assert!(files.len() > 5, "{folders:?} hold {} files", files.len());
    files
}

fn gather(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            gather(&path, files);
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).expect("text");
            files.push((path, text));
        }
    }
}
