use std::fs;
use std::path::Path;

use bartizan_backend::Kind;

use super::Settings;

const POLICY: &str = "roles:\n  all:\n    grants:\n      - {backend: prometheus, actions: [read], selectors: ['{}']}\nbindings:\n  - {role: all, users: [bo]}\n";

const SOUND: &str = "\
listen:
  address: 127.0.0.1:8443
  certificates: [{certificate: c.pem, key: c.key}]
  limits: {idle_timeout: 30s, head: 16KiB}
identity: {users: users.yaml}
policy: policy.yaml
backends:
  prometheus: {kind: prometheus, replicas: ['http://127.0.0.1:9090/prometheus']}
";

fn folder_with(settings: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("tempdir");
    for (name, text) in
        [("policy.yaml", POLICY), ("users.yaml", ""), ("c.pem", ""), ("c.key", ""), ("s.yaml", settings)]
    {
        fs::write(folder.path().join(name), text).expect("writable");
    }
    folder
}

fn faults(settings: &str) -> Vec<(usize, String)> {
    let folder = folder_with(settings);
    let faults = Settings::load(&folder.path().join("s.yaml")).expect_err("has faults");
    faults.iter().map(|fault| (fault.line, fault.key.clone())).collect()
}

#[test]
fn sound_settings_are_taken_with_paths_relative_to_their_file() {
    let folder = folder_with(SOUND);
    let settings = Settings::load(&folder.path().join("s.yaml")).expect("sound");
    assert_eq!(settings.identity.users.as_deref(), Some(folder.path().join("users.yaml").as_path()));
    assert_eq!(settings.listener.limits.head_bytes, 16 << 10);
    let backend = &settings.backends[0];
    assert_eq!((backend.kind, backend.route.prefix.as_str()), (Kind::Prometheus, "/prometheus/"));
    assert_eq!(settings.files, [folder.path().join("s.yaml"), folder.path().join("policy.yaml")]);
}

#[test]
fn every_fault_is_reported_at_once_in_settings_and_policy() {
    let text = SOUND
        .replace("idle_timeout: 30s", "idle_timeout: 30")
        .replace("kind: prometheus", "kind: prometeus")
        .replace("policy: policy.yaml", "policy: other.yaml\nbogus: 1");
    let keys: Vec<String> = faults(&text).into_iter().map(|(_, key)| key).collect();
    for expected in ["listen.limits.idle_timeout", "backends.prometheus.kind", "bogus", ""] {
        assert!(keys.iter().any(|key| key == expected), "{expected} in {keys:?}");
    }
}

#[test]
fn nobody_could_sign_in_is_a_fault() {
    let keys = faults(&SOUND.replace("identity: {users: users.yaml}", "identity: {}"));
    assert!(keys.iter().any(|(line, key)| *line == 5 && key == "identity"), "{keys:?}");
}

#[test]
fn two_backends_at_one_place_are_a_fault() {
    let twice =
        format!("{SOUND}  second: {{kind: plain, route: /prometheus/, replicas: ['http://127.0.0.1:1']}}\n");
    assert!(faults(&twice).iter().any(|(_, key)| key == "backends.second"));
}

#[test]
fn the_portals_places_and_name_are_taken() {
    for bad in [
        "  x: {kind: plain, route: /, replicas: ['http://a']}\n",
        "  x: {kind: plain, route: /-/x/, replicas: ['http://a']}\n",
        "  gateway: {kind: plain, replicas: ['http://a']}\n",
    ] {
        assert!(!faults(&format!("{SOUND}{bad}")).is_empty(), "{bad}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let faults = Settings::load(Path::new("/nowhere/s.yaml")).expect_err("missing");
    assert!(faults.to_string().contains("/nowhere/s.yaml"), "{faults}");
}
