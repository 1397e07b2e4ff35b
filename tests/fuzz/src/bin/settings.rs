//! Settings and policy files: no text panics, every fault points into the file, and what compiles has no faults.
#![no_main]

use std::sync::Arc;

use bartizan_access::document::{Document, Faults};
use bartizan_access::identity::{IdentitySettings, Subject};
use bartizan_access::policy::{Action, PolicyFile, Vocabulary};
use libfuzzer_sys::fuzz_target;

const ACTIONS: &[Action] = &[
    Action { name: "read", narrowable: true, help: "" },
    Action { name: "admin", narrowable: false, help: "" },
];

fuzz_target!(|text: &str| {
    let vocabulary = Vocabulary { backends: vec![(Arc::from("prometheus"), ACTIONS)], redactions: vec!["email", "card"] };
    // YAML also ends a line with a lone carriage return (YAML 1.2.2 section 5.4).
    let lines = text.split(['\n', '\r']).count();
    match PolicyFile::compile("policy.yaml", text, &vocabulary) {
        Ok(policy) => {
            let nobody = Arc::new(Subject::hypothetical("nobody at all", &[]));
            assert!(policy.decide(&nobody, &Arc::from("prometheus")).is_err(), "nobody may something");
        }
        Err(faults) => pointed(&faults, lines),
    }
    if let Ok(mut document) = Document::parse("bartizan.yaml", text) {
        let mut faults = Faults::default();
        let settings: IdentitySettings = document.read(&mut faults);
        for fault in settings.faults() {
            faults.push(document.fault(&fault.key, fault.message));
        }
        pointed(&faults, lines);
    }
});

fn pointed(faults: &Faults, lines: usize) {
    for fault in faults.iter() {
        // The end of a text that breaks off is one line past its last.
        assert!(fault.line <= lines + 1, "{fault} of {lines} lines");
        assert!(!fault.to_string().is_empty());
    }
}
