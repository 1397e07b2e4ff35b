//! The tables of what is found and what stays, in both formats.

use bartizan_redact::{Format, Kinds, Redactor};

fn redact(format: Format, text: &str) -> String {
    let mut out = Vec::new();
    let mut redactor = Redactor::new(Kinds::all(), format);
    redactor.push(text.as_bytes(), &mut out).expect("the body is of its format");
    redactor.finish(&mut out).expect("the body is complete");
    String::from_utf8(out).expect("text stays text")
}

/// As a label value, with what JSON must escape escaped.
fn as_json(text: &str) -> String {
    format!(r#"{{"data":["{}"]}}"#, text.replace('\\', r"\\").replace('"', "\\\""))
}

fn lines(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with("# ---"))
}

#[test]
fn every_value_of_the_table_is_replaced() {
    let mut wrong = Vec::new();
    for line in lines(include_str!("golden/found.txt")).filter(|line| !line.starts_with('#')) {
        let (text, expected) = line.split_once(" => ").unwrap();
        let found = redact(Format::Text, &format!("{text}\n"));
        if found != format!("{expected}\n") {
            wrong.push(format!("text: {text} => {found}"));
        }
        let found = redact(Format::Json, &as_json(text));
        if found != as_json(expected) {
            wrong.push(format!("json: {text} => {found}"));
        }
        let again = redact(Format::Text, expected);
        if again != expected {
            wrong.push(format!("again: {expected} => {again}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_of_the_other_table_is() {
    let mut wrong = Vec::new();
    for line in lines(include_str!("golden/kept.txt")) {
        let found = redact(Format::Text, &format!("{line}\n"));
        if found != format!("{line}\n") {
            wrong.push(format!("text: {line} => {found}"));
        }
        let found = redact(Format::Json, &as_json(line));
        // Sample values in exposition are only told from others where exposition can be.
        if found != as_json(line) && !line.starts_with("bytes_total") {
            wrong.push(format!("json: {line} => {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
