use std::path::Path;
use std::{fs, os::unix::fs::symlink};

use super::super::settings::{CertificateFiles, TlsSettings, TlsVersion};
use super::{Certificates, TlsError, TlsStore};

/// Writes a self-signed certificate for these names as `NAME.pem` and `NAME.key`.
fn write_pair(folder: &Path, name: &str, names: &[&str]) -> CertificateFiles {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
    let files = CertificateFiles {
        certificate: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    };
    fs::write(&files.certificate, cert.pem()).unwrap();
    fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    files
}

fn load(certificates: Vec<CertificateFiles>) -> Result<std::sync::Arc<TlsStore>, TlsError> {
    TlsStore::load(&TlsSettings { certificates, oldest_version: TlsVersion::Tls12 })
}

/// Which of the certificates, by order, is served for a name.
fn served(certificates: &Certificates, name: Option<&str>) -> usize {
    let found = certificates.find(name, |_| true).unwrap();
    certificates.in_order.iter().position(|key| std::sync::Arc::ptr_eq(key, &found)).unwrap()
}

fn leaf(store: &TlsStore) -> Vec<u8> {
    store.table.0.load().in_order[0].cert[0].to_vec()
}

#[test]
fn certificates_are_found_by_exact_name_then_wildcard_then_order() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        write_pair(folder.path(), "default", &["gate.example"]),
        write_pair(folder.path(), "wild", &["*.apps.example"]),
        write_pair(folder.path(), "exact", &["grafana.apps.example", "other.example"]),
    ];
    let store = load(files.to_vec()).unwrap();
    let table = store.table.0.load();
    for (name, expected) in [
        (None, 0),
        (Some("gate.example"), 0),
        (Some("GATE.example"), 0),
        (Some("kibana.apps.example"), 1),
        (Some("grafana.apps.example"), 2),
        (Some("other.example"), 2),
        (Some("apps.example"), 0),
        (Some("a.b.apps.example"), 0),
        (Some("unknown"), 0),
    ] {
        assert_eq!(served(&table, name), expected, "{name:?}");
    }
}

#[test]
fn unusable_files_are_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (write_pair(folder.path(), "1", &["a"]), write_pair(folder.path(), "2", &["a"]));
    let with = |certificate: &Path, key: &Path| {
        load(vec![CertificateFiles { certificate: certificate.into(), key: key.into() }])
            .err()
            .unwrap()
            .to_string()
    };
    assert!(with(&one.certificate, &two.key).contains("cannot be used together"));
    assert!(with(&one.key, &one.key).contains("valid PEM certificate"));
    assert!(with(&one.certificate, &one.certificate).contains("valid PEM private key"));
    let missing = with(&folder.path().join("none.pem"), &one.key);
    assert!(missing.contains("none.pem") && missing.contains("cannot read"), "{missing}");
    assert!(matches!(load(Vec::new()), Err(TlsError::NoCertificate)));
}

#[test]
fn changed_files_take_over_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = load(vec![write_pair(folder.path(), "1", &["a"])]).unwrap();
    let before = leaf(&store);
    assert!(!store.reload().unwrap());
    write_pair(folder.path(), "1", &["a"]);
    assert!(store.reload().unwrap());
    assert_ne!(leaf(&store), before);
    assert!(!store.reload().unwrap());
}

#[test]
fn a_broken_change_is_refused_once_and_the_old_stays() {
    let folder = tempfile::tempdir().unwrap();
    let files = write_pair(folder.path(), "1", &["a"]);
    let store = load(vec![files.clone()]).unwrap();
    let before = leaf(&store);
    let other = write_pair(folder.path(), "2", &["a"]);
    fs::copy(&other.certificate, &files.certificate).unwrap();
    assert!(matches!(store.reload(), Err(TlsError::Pair { .. })));
    assert!(!store.reload().unwrap());
    fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nnonsense").unwrap();
    assert!(matches!(store.reload(), Err(TlsError::Pem { .. })));
    fs::remove_file(&files.certificate).unwrap();
    assert!(matches!(store.reload(), Err(TlsError::Read { .. })));
    assert!(!store.reload().unwrap());
    assert_eq!(leaf(&store), before);
    fs::copy(&other.certificate, &files.certificate).unwrap();
    fs::copy(&other.key, &files.key).unwrap();
    assert!(store.reload().unwrap());
    assert_ne!(leaf(&store), before);
}

#[test]
fn a_swapped_symbolic_link_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["first", "second"].map(|name| folder.path().join(name));
    for version in &names {
        fs::create_dir(version).unwrap();
        write_pair(version, "tls", &["a"]);
    }
    let (data, fresh) = (folder.path().join("..data"), folder.path().join("..fresh"));
    symlink(&names[0], &data).unwrap();
    let store = load(vec![CertificateFiles { certificate: data.join("tls.pem"), key: data.join("tls.key") }])
        .unwrap();
    symlink(&names[1], &fresh).unwrap();
    fs::rename(&fresh, &data).unwrap();
    assert!(store.reload().unwrap());
}
