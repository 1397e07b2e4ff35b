//! The house stays as it is meant: which crate may know which, and whose code may become part of the program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod code;
mod crates;
mod licences;

use std::process::Command;

use serde_json::Value;
use support::process::output;
use support::repository::root;

/// `cargo metadata` of one of the two workspaces.
fn metadata(manifest: &str) -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(root().join(manifest));
    serde_json::from_str(&output("cargo", &mut cargo).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}
