use std::time::Duration;

use serde::Deserialize;

use super::{parse_bytes, parse_duration};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(deserialize_with = "super::duration")]
    wait: Duration,
    #[serde(default, deserialize_with = "super::optional_duration")]
    pause: Option<Duration>,
    #[serde(deserialize_with = "super::bytes")]
    room: u64,
    #[serde(default, deserialize_with = "super::optional_bytes")]
    spare: Option<u64>,
}

#[test]
fn durations_and_sizes_are_read_with_their_units() {
    for (text, milliseconds) in [
        ("0s", 0),
        ("500ms", 500),
        ("5s", 5_000),
        ("10m", 600_000),
        ("8h", 28_800_000),
        ("7d", 604_800_000),
        (" 2 s ", 2_000),
    ] {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    for (text, bytes) in [("512B", 512), ("16KiB", 16_384), ("64MiB", 67_108_864), ("1GiB", 1_073_741_824)] {
        assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
    }
}

#[test]
fn what_could_be_guessed_wrongly_is_refused() {
    for text in ["", "5", "s", "-5s", "+5s", "1.5h", "1h30m", "5S", "5sec", "5 minutes", "٥s", "0x5s"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
    for text in ["", "5", "5KB", "5k", "5mib", "-1B", "1e3B"] {
        assert!(parse_bytes(text).is_err(), "{text}");
    }
    for text in ["18446744073709551615s", "99999999999999999999999ms"] {
        assert!(parse_duration(text).is_err_and(|error| error.to_string().contains("larger")), "{text}");
    }
}

#[test]
fn fields_are_read_and_absent_ones_stay_absent() {
    let sample: Sample = serde_json::from_str(r#"{"wait":"5s","room":"1KiB","pause":null}"#).expect("reads");
    let expected = Sample { wait: Duration::from_secs(5), pause: None, room: 1024, spare: None };
    assert_eq!(sample, expected);
    let sample: Sample =
        serde_json::from_str(r#"{"wait":"5s","room":"1KiB","pause":"1m","spare":"2B"}"#).expect("reads");
    assert_eq!((sample.pause, sample.spare), (Some(Duration::from_secs(60)), Some(2)));
}

#[test]
fn a_fault_says_what_would_be_right() {
    let fault = |text: &str| serde_json::from_str::<Sample>(text).expect_err("refused").to_string();
    assert!(
        fault(r#"{"wait":30,"room":"1B"}"#)
            .starts_with("`30` lacks a unit; write a duration such as `500ms`, `5s`")
    );
    assert!(
        fault(r#"{"wait":"5s","room":"1KB"}"#)
            .starts_with("`1KB` is not a size; write a whole number and a unit, such as `512B`")
    );
    assert!(fault(r#"{"wait":["5s"],"room":"1B"}"#).contains("expected a duration such as"));
}
