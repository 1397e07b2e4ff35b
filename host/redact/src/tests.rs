use std::time::{Duration, Instant};

use super::*;

type Outcome = (Vec<u8>, Result<(), RedactError>, Counts);

/// Redacts `pieces` one after another.
fn redact<'a>(format: Format, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut redactor = Redactor::new(Kinds::all(), format);
    let mut out = Vec::new();
    let pushed = pieces.into_iter().try_for_each(|piece| redactor.push(piece, &mut out));
    let result = pushed.and_then(|()| redactor.finish(&mut out));
    (out, result, redactor.counts().clone())
}

fn whole(format: Format, body: &[u8]) -> Outcome {
    redact(format, [body])
}

/// Small numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// Values of all kinds, near misses, and what stands between them.
const FRAGMENTS: [&str; 44] = [
    "bob@example.com",
    "bob%40example.com",
    "bob\\u0040example.com",
    "müller@bücher.example",
    "git@github.com:x",
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111111111111112",
    "378282246310005",
    "DE89370400440532013000",
    "GB82 WEST 1234 5698 7654 32",
    "+1 212 555 0123",
    "(212) 555-0123",
    "212-555-0123",
    "+49 (0)30 901820",
    "0049 30 901820",
    "10.1.2.3",
    "203.0.113.7:443",
    "1.2.3.4.5",
    "2001:db8::1",
    "fe80::1%eth0",
    "::ffff:203.0.113.7",
    "1700000000.123",
    "12:34:56",
    "123e4567-e89b-12d3-a456-426614174000",
    " ",
    " ",
    "\\n",
    "-",
    ".",
    ",",
    ":",
    "@",
    "+",
    "(",
    "1",
    "x",
    "_",
    "é",
    "例",
    "“",
    "version ",
    "\\ud83d\\ude00",
];

fn text(dice: &mut Dice, most: usize) -> String {
    (0..dice.below(most)).map(|_| FRAGMENTS[dice.below(FRAGMENTS.len())]).collect()
}

fn bodies() -> Vec<(Format, Vec<u8>)> {
    let mut dice = Dice(7);
    let mut bodies = Vec::new();
    for length in [4, 8, 40, 300] {
        for _ in 0..6 {
            bodies.push((Format::Text, text(&mut dice, length).into_bytes()));
            let document = format!(
                r#"{{"data":{{"{}":[1,"4111111111111111",{{"v":"{}"}}],"value":[17.5,"4111111111111111"]}}}} 4111111111111111 "#,
                text(&mut dice, 4),
                text(&mut dice, length),
            );
            bodies.push((Format::Json, document.into_bytes()));
        }
    }
    let mut broken = b"bob@example.com \xff\xfe 10.1.2.3\xe4\xbe al@example\xc3.com".to_vec();
    broken.extend([0xc3; 400]);
    bodies.push((Format::Text, broken));
    bodies
}

#[test]
fn every_way_to_cut_a_body_in_two_gives_the_same() {
    for (format, body) in bodies() {
        let one = whole(format, &body);
        assert_eq!(one.1, Ok(()), "{}", String::from_utf8_lossy(&body));
        for cut in 0..=body.len() {
            let (head, tail) = body.split_at(cut);
            assert!(redact(format, [head, tail]) == one, "cut at {cut}: {}", String::from_utf8_lossy(&body));
        }
        assert!(redact(format, body.chunks(1)) == one, "byte by byte: {}", String::from_utf8_lossy(&body));
    }
}

#[test]
fn random_cuts_of_long_bodies_give_the_same() {
    let mut dice = Dice(99);
    for round in 0..60 {
        let inner = text(&mut dice, 3000);
        let (format, body) =
            if round % 2 == 0 { (Format::Text, inner) } else { (Format::Json, format!("[\"{inner}\"]")) };
        let one = whole(format, body.as_bytes());
        assert_eq!(one.1, Ok(()));
        for most in [3, 50, 900, 20_000] {
            let mut rest = body.as_bytes();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at((1 + dice.below(most)).min(rest.len()));
                pieces.push(piece);
                rest = behind;
            }
            assert!(redact(format, pieces) == one, "round {round}, pieces up to {most}");
        }
    }
}

#[test]
fn redacting_twice_changes_nothing_more() {
    let mut dice = Dice(3);
    let short = (0..20_000).map(|_| (Format::Text, text(&mut dice, 9).into_bytes()));
    for (format, body) in bodies().into_iter().chain(short) {
        let (once, _, _) = whole(format, &body);
        let (twice, result, counts) = whole(format, &once);
        assert_eq!(result, Ok(()));
        assert_eq!(
            String::from_utf8_lossy(&twice),
            String::from_utf8_lossy(&once),
            "{}",
            String::from_utf8_lossy(&body)
        );
        assert_eq!(counts.total(), 0);
    }
}

#[test]
fn values_are_counted_by_kind() {
    let (_, _, counts) = whole(Format::Text, b"bob@example.com 10.1.2.3 10.1.2.4 4111111111111111\n");
    let counts: Vec<_> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    assert_eq!(counts, ["email 1", "card 1", "iban 0", "phone 0", "ip 2"]);
}

#[test]
fn only_the_kinds_asked_for_are_replaced() {
    let mut out = Vec::new();
    let mut redactor = Redactor::new(Kinds::from_iter([Kind::Ip]), Format::Text);
    redactor.push(b"bob@example.com 10.1.2.3 4111111111111111", &mut out).unwrap();
    redactor.finish(&mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "bob@example.com [ip] 4111111111111111");
}

#[test]
fn without_kinds_bytes_pass_unread() {
    let mut out = Vec::new();
    let mut redactor = Redactor::new(Kinds::NONE, Format::Json);
    redactor.push(b"not json, bob@example.com", &mut out).unwrap();
    redactor.finish(&mut out).unwrap();
    assert_eq!(out, b"not json, bob@example.com");
}

#[test]
fn kinds_are_read_by_name() {
    for kind in Kind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    let error = "mail".parse::<Kind>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`mail` is no kind of personal data; known are email, card, iban, phone and ip"
    );
}

#[test]
fn after_a_failure_nothing_more_leaves() {
    let mut out = Vec::new();
    let mut redactor = Redactor::new(Kinds::all(), Format::Json);
    let error = redactor.push(b"{\"a\":1]", &mut out).unwrap_err();
    assert_eq!(out, b"{\"a\":1");
    assert_eq!(redactor.push(b"bob@example.com", &mut out), Err(error.clone()));
    assert_eq!(redactor.finish(&mut out), Err(error));
    assert_eq!(out, b"{\"a\":1");
}

#[test]
fn after_the_end_nothing_is_taken() {
    let mut out = Vec::new();
    let mut redactor = Redactor::new(Kinds::all(), Format::Text);
    redactor.finish(&mut out).unwrap();
    assert_eq!(redactor.push(b"x", &mut out), Err(RedactError::Ended));
}

#[test]
fn what_is_settled_leaves_at_once() {
    let mut out = Vec::new();
    let mut redactor = Redactor::new(Kinds::all(), Format::Text);
    for _ in 0..100 {
        redactor.push(&[b'a'; 1000], &mut out).unwrap();
    }
    assert!(out.len() > 98_000, "{} bytes left", out.len());
}

#[test]
fn a_local_part_beyond_all_bounds_loses_its_end_and_the_domain() {
    let mut body = vec![b'a'; 100_000];
    body.extend_from_slice(b"@example.com x");
    for format in [Format::Text, Format::Json] {
        let (open, close) = if format == Format::Json { ("\"", "\"") } else { ("", "") };
        let body = [open.as_bytes(), &body, close.as_bytes()].concat();
        let (out, _, counts) = whole(format, &body);
        assert!(out.ends_with(format!("aa[email] x{close}").as_bytes()));
        assert_eq!(counts.of(Kind::Email), 1);
    }
}

/// Time for hostile bodies grows with their length, and not faster than this for each MiB.
const HOSTILE_PER_MIB: Duration = Duration::from_millis(250);

#[test]
fn hostile_bodies_take_linear_time() {
    let patterns: [&[u8]; 16] = [
        b"@",
        b"a@",
        b"a.a@",
        b"a@a.",
        b"1.1.",
        b"1",
        b"1 ",
        b"4111 ",
        b"4111-1111-1111-1112 ",
        b":",
        b"a:",
        b"+4",
        b"+49 1",
        b"(212) ",
        b"DE89 ",
        b"%40",
    ];
    for pattern in patterns {
        let body: Vec<u8> = pattern.iter().copied().cycle().take(4 << 20).collect();
        let start = Instant::now();
        let (_, result, _) = whole(Format::Text, &body);
        assert_eq!(result, Ok(()));
        let taken = start.elapsed() / 4;
        assert!(taken < HOSTILE_PER_MIB, "{}: {taken:?} for each MiB", String::from_utf8_lossy(pattern));
    }
}

#[test]
fn a_body_of_spaces_takes_little_memory_and_time() {
    let piece = [b' '; 1 << 16];
    let mut redactor = Redactor::new(Kinds::all(), Format::Json);
    let mut out = Vec::new();
    let start = Instant::now();
    for _ in 0..1024 {
        redactor.push(&piece, &mut out).unwrap();
        assert_eq!(out.len(), piece.len());
        out.clear();
    }
    redactor.finish(&mut out).unwrap();
    assert!(start.elapsed() < Duration::from_secs(10));
}
