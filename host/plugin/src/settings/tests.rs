use super::*;

fn read(text: &str) -> Result<PluginSettings, serde_json::Error> {
    serde_json::from_str(text)
}

#[test]
fn durations_sizes_and_grants_are_read_as_people_write_them() {
    let read = read(
        r#"{"name": "stock", "file": "a.wasm", "interval": "1m", "timeout": "500ms", "memory": "8MiB",
            "http": ["https://a.example", {"origin": "http://b.example:81", "private": true}], "grant": ["log"]}"#,
    )
    .unwrap();
    assert_eq!(read.interval, Duration::from_secs(60));
    assert_eq!(read.timeout, Duration::from_millis(500));
    assert_eq!(read.memory_bytes, 8 << 20);
    assert!(!read.http[0].private && read.http[1].private);
    assert!(read.grants(Capability::Log) && read.grants(Capability::OutgoingHttp));
    assert!(!read.grants(Capability::Clock));
    assert!(PluginSettings::faults(&[read]).is_empty());
}

#[test]
fn a_plugins_own_settings_are_not_printed() {
    let mut plugin = PluginSettings::new("stock", "a.wasm");
    plugin.settings = serde_json::json!({"headers": {"authorization": "Bearer hush"}});
    assert!(!format!("{plugin:?}").contains("hush"));
}

#[test]
fn what_is_not_known_or_not_a_quantity_is_refused() {
    for text in [
        r#"{"name": "a", "file": "a", "intervall": "1m"}"#,
        r#"{"name": "a", "file": "a", "interval": "1 minute"}"#,
        r#"{"name": "a", "file": "a", "interval": 15}"#,
        r#"{"name": "a", "file": "a", "memory": "8MB"}"#,
        r#"{"name": "a", "file": "a", "memory": "99999999999999GiB"}"#,
        r#"{"name": "a", "file": "a", "grant": ["filesystem"]}"#,
        r#"{"name": "a", "file": "a", "http": [{"origin": "http://a", "any": true}]}"#,
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let mut one = PluginSettings::new("Bad Name", "a.wasm");
    one.interval = Duration::ZERO;
    one.timeout = Duration::from_secs(3600);
    one.memory_bytes = 1;
    one.series = 0;
    one.sha256 = Some("abc".to_owned());
    one.http = vec![HttpGrant { origin: "ftp://a".to_owned(), private: false }];
    let faults = PluginSettings::faults(&[one.clone(), one]);
    assert_eq!(faults.len(), 2 * 7 + 1, "{faults:#?}");
}
