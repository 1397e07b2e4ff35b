use serde_json::json;

use super::*;

fn metric(settings: Value) -> Metric {
    serde_json::from_value(settings).unwrap()
}

fn measured(settings: Value, document: &Value) -> Result<usize, String> {
    measure(&metric(settings), document).map(|family| family.len())
}

#[test]
fn numbers_truths_and_mapped_texts_are_values() {
    let document = json!({"walks": [{"n": 3}, {"n": true}, {"n": "open"}, {"n": "4.5"}, {"n": null}, {}]});
    let settings =
        json!({"name": "walks", "help": "h", "items": "walks[*]", "value": "n", "values": {"open": 1}});
    assert_eq!(measured(settings, &document), Ok(5 - 1));
}

#[test]
fn text_without_a_mapping_is_an_error_that_shows_it() {
    let document = json!({"n": "closed"});
    let error = measured(json!({"name": "walks", "help": "h", "value": "n"}), &document).unwrap_err();
    assert!(error.contains("walks") && error.contains("closed"), "{error}");
}

#[test]
fn an_absent_value_is_an_error_only_where_it_is_required() {
    let document = json!({});
    assert_eq!(measured(json!({"name": "walks", "help": "h", "value": "n"}), &document), Ok(0));
    assert!(
        measured(json!({"name": "walks", "help": "h", "value": "n", "required": true}), &document).is_err()
    );
}

#[test]
fn labels_come_from_the_item_its_key_and_fixed_text() {
    let document = json!({"regions": {"north": {"n": 1, "code": 7}}});
    let metric = metric(json!({
        "name": "walks", "help": "h", "items": "regions.*", "value": "n",
        "labels": {"region": "@key", "code": "code", "source": {"text": "api"}, "none": "missing"},
    }));
    let place = metric.items.places(&document)[0];
    let labels: Vec<_> = metric.labels.values().map(|label| text(label, place)).collect();
    assert_eq!(labels, ["7", "", "north", "api"]);
}
