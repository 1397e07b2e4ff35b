//! What plugins cost a gateway that starts.

#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

#[expect(dead_code, reason = "this file uses a part of it")]
mod support;

use std::time::{Duration, Instant};

use bartizan_plugin::{HostSettings, PluginHost};
use serde_json::json;
use support::{guest, hostile};

const PLUGINS: usize = 20;

#[test]
fn twenty_cached_plugins_are_up_in_a_moment() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let plugins = (0..PLUGINS).map(|number| {
            let mut plugin =
                hostile(&format!("p-{number}"), &guest("hostile.wasm"), json!({"number": number}));
            plugin.interval = Duration::from_secs(60);
            plugin
        });
        let settings = HostSettings { cache: Some(folder.path().join("cache")), ..HostSettings::default() };
        let begun = Instant::now();
        let host = PluginHost::start(plugins.collect(), settings).unwrap();
        let started = begun.elapsed();
        loop {
            let status = host.status();
            if status.len() == PLUGINS && status.iter().all(|status| status.up) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{status:#?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        (host, started, begun.elapsed())
    };
    let before = resident_kib();
    let (host, _, cold) = start();
    assert!(host.shutdown(Duration::from_secs(5)));
    drop(host);
    let (host, started, cached) = start();
    println!("cold {cold:?}, cached: start returns after {started:?}, all up after {cached:?}");
    println!("resident {} KiB, {} before", resident_kib(), before);
    assert!(cached < Duration::from_secs(2), "{cached:?}");
    assert!(host.shutdown(Duration::from_secs(5)));
}

fn resident_kib() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4
}
