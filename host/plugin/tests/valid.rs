//! What is rendered passes Prometheus' own check.

#[expect(dead_code, reason = "this file uses a part of it")]
mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use support::{Bench, guest, hostile};

#[test]
fn promtool_accepts_what_a_scrape_sees() {
    let promtool = Path::new("/usr/bin/promtool");
    assert!(promtool.is_file(), "promtool is not there: apt-get install --no-install-recommends prometheus");
    let bench = Bench::new(|_| {
        ["all-kinds", "newline-in-value", "nothing", "fail", "fail-self-test"]
            .iter()
            .map(|behaviour| hostile(behaviour, &guest("hostile.wasm"), json!({"do": behaviour})))
            .collect()
    });
    for name in ["all-kinds", "newline-in-value", "nothing"] {
        bench.wait(name, "up", |status| status.up && status.collections > 0);
    }
    bench.wait("fail", "failing", |status| status.errors > 0);
    bench.wait("fail-self-test", "refused", |status| status.refusals > 0);

    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let scrape = bench.scrape();
    child.stdin.take().unwrap().write_all(scrape.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    // Exit code 3 is advice about names; the guest has names of its own taste. Ours give none.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}\n{scrape}");
    assert!(!said.contains("bartizan_"), "{said}");
    assert!(!said.contains("error"), "{said}\n{scrape}");
}
