//! A plugin that does whatever its settings tell it to, nearly all of it harmful. For the host's tests.
//!
//! `{"do": "trap"}` names what to do in `collect`; `{"0.2.0": "loop", "do": "nothing"}` does it only in the build
//! that calls itself 0.2.0. `"after": 2` does nothing in the first two collections of an instance.

use std::collections::BTreeMap;
use std::hint::black_box;

use bartizan_plugin_sdk::host::{self, Level};
use bartizan_plugin_sdk::{Capabilities, Error, Exporter, Family, exporter};
use serde_json::Value;

struct Hostile {
    behaviour: String,
    settings: BTreeMap<String, Value>,
    calls: u64,
}

impl Hostile {
    fn text(&self, name: &str) -> &str {
        self.settings.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str, default: u64) -> u64 {
        self.settings.get(name).and_then(Value::as_u64).unwrap_or(default)
    }
}

impl Exporter for Hostile {
    const NAME: &'static str = "hostile";
    const VERSION: &'static str = match option_env!("BARTIZAN_PLUGIN_VERSION") {
        Some(version) => version,
        None => env!("CARGO_PKG_VERSION"),
    };
    const HELP: &'static str = "Does harm, for tests.";
    const CAPABILITIES: Capabilities = Capabilities::all();
    type Settings = Option<BTreeMap<String, Value>>;

    fn new(settings: Self::Settings) -> Result<Self, String> {
        let settings = settings.unwrap_or_default();
        let behaviour = settings.get(Self::VERSION).or(settings.get("do")).and_then(Value::as_str);
        Ok(Self { behaviour: behaviour.unwrap_or("nothing").to_owned(), settings, calls: 0 })
    }

    fn self_test(&mut self) -> Result<(), String> {
        match self.behaviour.as_str() {
            "fail-self-test" => Err("this never works".to_owned()),
            "trap-in-self-test" => trap(),
            "loop-in-self-test" => endless(),
            _ => Ok(()),
        }
    }

    fn collect(&mut self) -> Result<Vec<Family>, Error> {
        self.calls += 1;
        let calls = self.calls as f64;
        let fine = || Family::counter("hostile_calls", "Collections of this instance.").with([], calls);
        if self.calls <= self.number("after", 0) {
            return Ok(vec![fine()]);
        }
        Ok(match self.behaviour.as_str() {
            "trap" => trap(),
            "loop" => endless(),
            "recurse" => vec![Family::gauge("depth", "").with([], recurse(1) as f64)],
            "eat-memory" => eat_memory(),
            "grow-slowly" => {
                // Kept: each collection takes one more MiB, which only the memory limit ends.
                std::mem::forget(black_box(vec![1_u8; 1 << 20]));
                vec![fine()]
            }
            "fail" => return Err(Error::Source("the source is away".to_owned())),
            "huge-help" => vec![Family::gauge("huge", "x".repeat(40 << 20)).with([], 1.0)],
            "many-series" => vec![series(self.number("series", 12_000))],
            "invalid-name" => vec![Family::gauge("not a name", "").with([], 1.0)],
            "invalid-label" => vec![Family::gauge("fine", "").with([("__secret", "x")], 1.0)],
            "plugin-label" => vec![Family::gauge("fine", "").with([("plugin", "other")], 1.0)],
            "newline-in-value" => {
                vec![Family::gauge("fine", "a\nb").with([("l", "x\"\n} 1\nforged 2")], 1.0)]
            }
            "duplicate" => {
                vec![
                    Family::gauge("twice", "")
                        .with([("a", "1"), ("b", "2")], 1.0)
                        .with([("b", "2"), ("a", "1")], 2.0),
                ]
            }
            "same-family" => vec![fine(), fine()],
            "reserved-name" => vec![Family::gauge("bartizan_plugin_up", "").with([], 1.0)],
            "negative-counter" => vec![Family::counter("less", "").with([], -1.0)],
            "nan-histogram" => {
                let mut family = Family::histogram("sizes", "");
                family.add_histogram([], &[(f64::NAN, 1)], 1, 1.0);
                vec![family]
            }
            "all-kinds" => all_kinds(),
            "clash" => vec![Family::gauge("hostile_calls", "Not a counter.").with([], calls)],
            "flood-log" => {
                for line in 0..self.number("lines", 10_000) {
                    host::log(Level::Warn, format!("line {line}\nforged line {}", "x".repeat(100)));
                }
                vec![fine()]
            }
            "fetch" => fetch(self.text("url"), self.number("times", 1)),
            "clock" => vec![Family::gauge("clock", "").with([], host::now_milliseconds() as f64)],
            _ => vec![fine()],
        })
    }
}

fn trap() -> ! {
    panic!("a trap, on purpose")
}

fn endless() -> ! {
    let mut round = 0_u64;
    loop {
        round = black_box(round.wrapping_add(1));
    }
}

fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if frame[0] == u64::MAX { 0 } else { recurse(frame[0] + 1) + black_box(frame[1]) }
}

fn eat_memory() -> ! {
    let mut eaten = Vec::new();
    loop {
        eaten.push(black_box(vec![1_u8; 1 << 20]));
    }
}

fn series(count: u64) -> Family {
    let mut family = Family::gauge("many", "Many.");
    for number in 0..count {
        family.add([("number", number.to_string().as_str())], number as f64);
    }
    family
}

fn all_kinds() -> Vec<Family> {
    let mut histogram = Family::histogram("walk_seconds", "How long walks take.").unit("seconds");
    histogram.add_histogram([("team", "walks")], &[(0.5, 1), (1.0, 3), (f64::INFINITY, 4)], 4, 5.25);
    let mut summary = Family::summary("leash_meters", "Lengths of leashes.").unit("meters");
    summary.add_summary([("team", "walks")], &[(0.5, 1.5), (0.99, 4.0)], 10, 20.0);
    let mut dated = Family::unknown("dated", "Measured a while ago.").with([("path", "C:\\x \"y\"\nz")], 1.5);
    dated.measured_at(1_700_000_000_123);
    vec![
        Family::counter("walks_total", "Walks so far.")
            .with([("team", "walks")], 12.0)
            .with([("team", "cats")], 0.0),
        Family::gauge("dogs", "Dogs out now.")
            .with([], f64::NAN)
            .with([("breed", "collie")], f64::NEG_INFINITY),
        Family::info("build", "What was built.").with([("commit", "abc")], 1.0),
        histogram,
        summary,
        dated,
    ]
}

fn fetch(url: &str, times: u64) -> Vec<Family> {
    let mut family = Family::gauge("fetch", "The status, or why there is none.");
    for time in 0..times {
        let (status, error) = match host::get(url, []) {
            Ok(response) => (f64::from(response.status), format!("{} bytes", response.body.len())),
            Err(error) => (0.0, host::explain(&error)),
        };
        family.add([("time", time.to_string().as_str()), ("outcome", error.as_str())], status);
    }
    vec![family]
}

exporter!(Hostile);
