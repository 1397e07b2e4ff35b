//! How many megabytes of realistic bodies are redacted for each CPU-second:
//! `cargo run --release -p bartizan-redact --example throughput`

use std::error::Error;

use bartizan_redact::{Format, Kinds, Redactor};

const BODY_BYTES: usize = 64 << 20;
const PIECE_BYTES: usize = 16 << 10;
const ROUNDS: usize = 5;

/// Small numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn value(&mut self) -> String {
        format!("{}.{}", self.below(1_000_000), self.below(1_000_000_000))
    }
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;
type Record = fn(&mut Dice, bool, &mut String);

fn labels(dice: &mut Dice, hit: bool, body: &mut String) {
    let (node, pod) = (dice.below(99), dice.below(9999));
    body.push_str(&format!(r#"{{"metric":{{"__name__":"http_requests_total","instance":"node-{node}.example.internal:9100","job":"payment","team":"payments","handler":"/api/v1/query_range","code":"200","pod":"payment-7d9f8b6c5d-x{pod:04}""#));
    if hit {
        body.push_str(&format!(r#","user":"bob{pod}@example.com""#));
    }
}

fn instant(dice: &mut Dice, hit: bool, body: &mut String) {
    labels(dice, hit, body);
    body.push_str(&format!(r#"}},"value":[1700000000.123,"{}"]}},"#, dice.value()));
}

fn range(dice: &mut Dice, hit: bool, body: &mut String) {
    labels(dice, hit, body);
    body.push_str(r#"},"values":["#);
    for step in 0..60 {
        body.push_str(&format!(
            r#"{}[{},"{}"]"#,
            if step == 0 { "" } else { "," },
            1_700_000_000 + step * 15,
            dice.value()
        ));
    }
    body.push_str("]},");
}

fn log_line(dice: &mut Dice, hit: bool, body: &mut String) {
    let (trace, order, host) = (dice.below(u64::MAX), dice.below(99_999), dice.below(250));
    body.push_str(&format!("2024-01-01T12:34:56.789Z INFO service=payment team=payments trace_id={trace:032x} msg=\"request handled\" path=/api/v1/orders/{order} status=200 duration_ms={}", dice.value()));
    if hit {
        body.push_str(&format!(" user=bob{order}@example.com ip=203.0.113.{host}"));
    }
    body.push('\n');
}

fn body(format: Format, record: Record, hit_percent: u64) -> String {
    let mut dice = Dice(42);
    let mut body = String::from(if format == Format::Json { "[" } else { "" });
    while body.len() < BODY_BYTES {
        let hit = dice.below(100) < hit_percent;
        record(&mut dice, hit, &mut body);
    }
    if format == Format::Json {
        body.pop();
        body.push(']');
    }
    body
}

/// CPU time of this process in seconds, from the 14th and 15th field of its stat file, in hundredths of a second.
fn cpu_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let mut seconds = 0.0;
    for ticks in fields.split_whitespace().skip(11).take(2) {
        seconds += ticks.parse::<f64>()? / 100.0;
    }
    Ok(seconds)
}

fn measure(name: &str, format: Format, record: Record, hit_percent: u64) -> Outcome {
    let body = body(format, record, hit_percent);
    let mut out = Vec::with_capacity(2 * PIECE_BYTES);
    let mut found = 0;
    let start = cpu_seconds()?;
    for _ in 0..ROUNDS {
        let mut redactor = Redactor::new(Kinds::all(), format);
        for piece in body.as_bytes().chunks(PIECE_BYTES) {
            out.clear();
            redactor.push(piece, &mut out)?;
        }
        redactor.finish(&mut out)?;
        found = redactor.counts().total();
    }
    let rate = (ROUNDS * body.len()) as f64 / 1e6 / (cpu_seconds()? - start);
    println!("{name:<28} {hit_percent:>3} % hit {rate:>8.0} MB for each CPU-second, {found} found");
    Ok(())
}

fn main() -> Outcome {
    for hit_percent in [0, 10] {
        measure("Prometheus instant vector", Format::Json, instant, hit_percent)?;
        measure("Prometheus range vector", Format::Json, range, hit_percent)?;
        measure("log lines", Format::Text, log_line, hit_percent)?;
    }
    Ok(())
}
