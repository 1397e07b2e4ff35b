use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Document, Faults};

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(default)]
    port: u16,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    by_name: BTreeMap<String, Item>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Item {
    name: String,
    #[serde(default)]
    size: Option<u32>,
}

fn read(text: &str) -> (Sample, Vec<(usize, String, String)>) {
    let mut faults = Faults::default();
    let mut document = Document::parse("sample.yaml", text).expect("parses");
    let sample = document.read(&mut faults);
    (sample, faults.iter().map(|fault| (fault.line, fault.key.clone(), fault.message.clone())).collect())
}

#[test]
fn every_fault_is_reported_at_once_with_line_and_key() {
    let (sample, faults) = read(
        "port: many\nitems:\n  - name: a\n    colour: red\n  - size: 3\n  - name: c\n    size: big\nbogus: 1\nby_name:\n  x.y: {name: z, sise: 1}\n",
    );
    let at: Vec<(usize, &str)> = faults.iter().map(|(line, key, _)| (*line, key.as_str())).collect();
    // What was cut out no longer counts: the third item is the second of those that remain.
    assert_eq!(
        at,
        [
            (1, "port"),
            (4, "items[0].colour"),
            (5, "items[1]"),
            (7, "items[1].size"),
            (8, "bogus"),
            (10, "by_name.x.y.sise")
        ]
    );
    assert_eq!(sample.items.len(), 2, "what is sound remains");
    assert!(faults[1].2.contains("unknown key `colour`, expected `name` or `size`"), "{}", faults[1].2);
    assert!(faults[2].2.contains("`name` is missing"));
}

#[test]
fn a_value_of_the_wrong_type_is_not_reported_as_missing_too() {
    let (_, faults) = read("items:\n  - name: [1]\n");
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[test]
fn an_empty_file_is_an_empty_mapping() {
    assert_eq!(read("").0, Sample::default());
    assert_eq!(read("# only a comment\n").1, []);
}

#[test]
fn duplicate_keys_and_second_documents_are_refused() {
    assert!(Document::parse("f", "a: 1\na: 2\n").is_err());
    assert!(Document::parse("f", "a: 1\n---\nb: 2\n").is_err());
}

#[test]
fn a_fault_shows_the_line_and_points_at_it() {
    let mut faults = Faults::default();
    let mut document = Document::parse("f.yaml", "port: 1\nitems:\n    - colour: red\n").expect("parses");
    let _: Sample = document.read(&mut faults);
    let text = faults.to_string();
    assert!(
        text.contains("--> f.yaml:3:7 (items[0].colour)\n  |\n3 |     - colour: red\n  |       ^"),
        "{text}"
    );
}
