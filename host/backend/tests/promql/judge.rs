//! The Go program, built once and kept.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

const MODULE: &str = "github.com/prometheus/prometheus";

/// One query for the judge.
#[derive(Debug, Serialize)]
pub(crate) struct Case<'a> {
    pub(crate) original: &'a str,
    pub(crate) injected: &'a str,
    pub(crate) narrowed: Option<String>,
}

/// What it says.
#[derive(Debug, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) original_valid: bool,
    pub(crate) narrowed_valid: bool,
    pub(crate) selectors: usize,
    pub(crate) open: usize,
    pub(crate) same: bool,
    /// For the message.
    #[serde(default, rename = "expected")]
    pub _expected: String,
}

/// The built program.
#[derive(Debug, Clone)]
pub(crate) struct Judge {
    program: PathBuf,
    sources: PathBuf,
}

impl Judge {
    /// Builds it, or takes it from the cache. Needs Go of the version in its `go.mod`, and the module proxy the first time.
    pub(crate) fn build() -> Judge {
        static BUILT: OnceLock<Judge> = OnceLock::new();
        BUILT.get_or_init(build).clone()
    }

    /// The expressions of Prometheus' own tests, from the module's sources.
    pub(crate) fn corpus(&self) -> Vec<String> {
        let listed = run(
            Command::new("go").args(["list", "-m", "-f", "{{.Dir}}", MODULE]).current_dir(&self.sources),
            "",
        );
        let expressions = run(Command::new(&self.program).args(["corpus", listed.trim()]), "");
        expressions.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// One verdict for each case.
    pub(crate) fn verdicts(&self, cases: &[Case<'_>]) -> Vec<Verdict> {
        let lines: String = cases.iter().map(|case| serde_json::to_string(case).unwrap() + "\n").collect();
        let verdicts = run(Command::new(&self.program).arg("judge"), &lines);
        let verdicts: Vec<Verdict> =
            verdicts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(verdicts.len(), cases.len());
        verdicts
    }
}

fn build() -> Judge {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/promql_oracle");
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(&std::env::var_os("HOME").expect("HOME is set")).join(".cache"));
    let program = cache.join("bartizan/promql-oracle");
    let build = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(&sources)
        .env("CGO_ENABLED", "0")
        .output()
        .expect("this test needs Go (go.dev/dl); its version stands in tests/promql_oracle/go.mod");
    assert!(build.status.success(), "go build: {}", String::from_utf8_lossy(&build.stderr));
    Judge { program, sources }
}

fn run(command: &mut Command, input: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{command:?} failed");
    String::from_utf8(output.stdout).unwrap()
}
