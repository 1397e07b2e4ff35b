//! Many reloads leave nothing behind.

#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

#[expect(dead_code, reason = "this file uses a part of it")]
mod support;

use std::time::Instant;

use serde_json::json;
use support::{Bench, guest, hostile};

/// How often; the first ones warm caches and pools.
const RELOADS: u64 = 300;
const WARM: u64 = 60;

#[test]
fn memory_and_descriptors_stay_flat_over_many_reloads() {
    let files = [guest("hostile.wasm"), guest("next/hostile.wasm")];
    let plugin = |round: u64| {
        // Every third version is a bad one.
        let behaviour = if round % 3 == 2 { "trap" } else { "nothing" };
        vec![hostile("p", &files[(round % 2) as usize], json!({"do": behaviour, "round": round}))]
    };
    let bench = Bench::new(|_| plugin(0));
    bench.wait("p", "up", |status| status.up);

    let mut warm = None;
    let mut slowest = std::time::Duration::ZERO;
    for round in 1..=RELOADS {
        let begun = Instant::now();
        bench.host.apply(plugin(round)).unwrap();
        bench.wait("p", "taken over or refused", |status| status.reloads + status.refusals == round + 1);
        slowest = if round > WARM { slowest.max(begun.elapsed()) } else { slowest };
        assert!(bench.series("hostile_calls_total{plugin=\"p\"}").is_some());
        if round == WARM {
            warm = Some((resident_bytes(), descriptors()));
        }
    }
    let (bytes, files) = warm.unwrap();
    let grown = resident_bytes().saturating_sub(bytes);
    println!("resident {} KiB more after {} reloads, slowest {slowest:?}", grown >> 10, RELOADS - WARM);
    assert!(grown < 4 << 20, "{grown} bytes more");
    assert!(descriptors() <= files + 4, "{} descriptors, {files} before", descriptors());
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
