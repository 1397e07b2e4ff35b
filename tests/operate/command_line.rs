//! What a newcomer types, mistakes included.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Result, ensure};
use support::repository;

use super::options;

fn bartizan(folder: &Path, arguments: &[&str]) -> Result<Output> {
    Ok(Command::new(repository::program()?).args(arguments).current_dir(folder).output()?)
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn mistakes_are_answered_with_what_would_be_right() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (arguments, expected) in [
        (&["serv"][..], "serve"),
        (&["serve", "--confg", "x"][..], "--config"),
        (&["serve"][..], "bartizan serve --backend"),
        (&["check"][..], "there is no bartizan.yaml"),
        (&["serve", "--config", "nowhere.yaml"][..], "nowhere.yaml"),
        (&["serve", "--backend", "localhost"][..], "no address"),
        (&["serve", "--backend", "http://127.0.0.1:1"][..], "does not answer"),
        (&["audit", "verify"][..], "FILE"),
        (&["audit", "verify", "nowhere"][..], "cannot be read"),
        (&["user", "add", "bo"][..], "--password-stdin"),
        (&["plugin", "check", "nowhere.wasm"][..], "nowhere.wasm"),
    ] {
        let output = bartizan(folder.path(), arguments)?;
        let said = words(&output);
        ensure!(!output.status.success(), "{arguments:?} succeeded");
        ensure!(said.contains(expected), "{arguments:?} does not say `{expected}`:\n{said}");
        ensure!(!said.contains("panicked"), "{said}");
    }
    Ok(())
}

#[test]
fn check_finds_every_fault_with_file_line_and_key() -> Result<()> {
    let options = options(["http://127.0.0.1:9/".to_owned()])?;
    options.write()?;
    let folder = options.folder().path();
    ensure!(bartizan(folder, &["check"])?.status.success());
    std::fs::write(
        folder.join("policy.yaml"),
        "roles:\n  a:\n    grants:\n      - {backend: prometeus, actions: [read], selectors: ['{}']}\n      - {backend: prometheus, actions: [reed], selectors: ['{team=\"\"}']}\nbindings:\n  - {role: b, users: [x], grups: [y]}\n",
    )?;
    let output = bartizan(folder, &["check"])?;
    let said = words(&output);
    ensure!(!output.status.success());
    for expected in [
        "policy.yaml:4:",
        "no backend is called `prometeus`; there are `gateway`, `prometheus`",
        "policy.yaml:5:",
        "no action `reed`",
        "add `team!=\"\"`",
        "policy.yaml:7:",
        "unknown key `grups`",
    ] {
        ensure!(said.contains(expected), "`{expected}` is missing:\n{said}");
    }
    Ok(())
}

#[test]
fn explain_says_who_sees_what_and_by_which_role() -> Result<()> {
    let options = options(["http://127.0.0.1:9/".to_owned()])?;
    options.write()?;
    let said = words(&bartizan(options.folder().path(), &["policy", "explain", "--as", "bo"])?);
    for expected in [
        "bo is in payments and holds payments",
        "sees {team=\"payments\"}",
        "redacted: email",
        "gateway: closed",
    ] {
        ensure!(said.contains(expected), "`{expected}` is missing:\n{said}");
    }
    let stranger = bartizan(options.folder().path(), &["policy", "explain", "--as", "nobody"])?;
    ensure!(!stranger.status.success() && words(&stranger).contains("--groups"));
    Ok(())
}
