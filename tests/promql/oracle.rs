//! Expressions and series of Prometheus' own tests, out of the sources of its Go module.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use support::repository;

const MODULE: &str = "github.com/prometheus/prometheus";

/// A series that promqltest loads.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Series {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) gap_seconds: f64,
    pub(crate) values: Vec<Option<String>>,
}

pub(crate) fn evaluations() -> Vec<String> {
    lines("evaluations")
}

pub(crate) fn series() -> Vec<Series> {
    lines("series")
}

fn lines<T: serde::de::DeserializeOwned>(what: &str) -> Vec<T> {
    let sources = repository::root().join("tests/promql_oracle");
    let module =
        output(Command::new("go").args(["list", "-m", "-f", "{{.Dir}}", MODULE]).current_dir(&sources));
    let told = output(Command::new(program(&sources)).args([what, module.trim()]));
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The Go program, built or taken from Go's cache.
fn program(sources: &Path) -> PathBuf {
    let home = || Path::new(&std::env::var_os("HOME").expect("HOME is set")).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from);
    let program = cache.join("bartizan/promql-oracle");
    output(
        Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(sources)
            .env("CGO_ENABLED", "0"),
    );
    program
}

fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .expect("this test needs Go (go.dev/dl); its version stands in tests/promql_oracle/go.mod");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
