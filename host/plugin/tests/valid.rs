//! What is rendered passes Prometheus' own check.

#[expect(dead_code, reason = "this file uses a part of it")]
mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Bench, answer, guest, hostile, server};

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

/// Ends the process that a test started.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_prometheus_takes_both_formats() {
    let bench = Bench::new(|_| {
        ["all-kinds", "newline-in-value"]
            .iter()
            .map(|behaviour| hostile(behaviour, &guest("hostile.wasm"), json!({"do": behaviour})))
            .collect()
    });
    bench.wait("all-kinds", "up", |status| status.up);
    bench.wait("newline-in-value", "up", |status| status.up);
    let folder = bench.folder.path().to_owned();
    let scraped = server(move |path| {
        let accept = (path == "/openmetrics").then_some("application/openmetrics-text");
        let (content_type, body) = bench.host.render(accept);
        answer("200 OK", &format!("content-type: {content_type}\r\n"), body.as_bytes())
    });
    let jobs = ["text", "openmetrics"].map(|format| {
        json!({
            "job_name": format, "metrics_path": format!("/{format}"), "scrape_interval": "1s",
            "static_configs": [{"targets": [format!("127.0.0.1:{scraped}")]}],
        })
    });
    std::fs::write(folder.join("prometheus.yml"), json!({"scrape_configs": jobs}).to_string()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("/usr/bin/prometheus")
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus is not there: apt-get install --no-install-recommends prometheus");
    let _prometheus = Started(child);

    let end = Instant::now() + Duration::from_secs(60);
    let targets = loop {
        let targets = get(port, "/api/v1/targets");
        if targets.matches("\"health\":\"").count() == 2 && !targets.contains("\"health\":\"unknown\"") {
            break targets;
        }
        assert!(Instant::now() < end, "{targets}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(targets.matches("\"health\":\"up\"").count(), 2, "{targets}");
    for series in
        ["walk_seconds_bucket", "leash_meters", "walks_total", "build_info", "fine", "bartizan_plugin_up"]
    {
        let count = get(port, &format!("/api/v1/query?query=count(count({series})by(job))"));
        assert!(count.contains(",\"2\"]"), "{series}: {count}");
    }
}

/// The body of an answer, empty where there is none yet.
fn get(port: u16, path: &str) -> String {
    let mut body = String::new();
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
        let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.read_to_string(&mut body);
    }
    body
}
