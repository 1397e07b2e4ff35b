use super::*;

#[tokio::test]
async fn a_change_is_reported_once_and_only_when_it_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.wasm");
    std::fs::write(&path, "1").unwrap();
    let mut watch = Watch::new(path.clone());
    watch.know().await;
    assert!(!watch.changed().await);

    std::fs::write(&path, "22").unwrap();
    assert!(!watch.changed().await, "it may still be moving");
    std::fs::write(&path, "333").unwrap();
    assert!(!watch.changed().await, "it was");
    assert!(watch.changed().await);
    assert!(!watch.changed().await);
}

#[tokio::test]
async fn a_swapped_link_is_a_change_and_so_is_a_file_that_goes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("one"), "same").unwrap();
    std::fs::write(at("two"), "same").unwrap();
    std::os::unix::fs::symlink(at("one"), at("link")).unwrap();
    let mut watch = Watch::new(at("link"));
    watch.know().await;

    std::os::unix::fs::symlink(at("two"), at("fresh")).unwrap();
    std::fs::rename(at("fresh"), at("link")).unwrap();
    assert!(!watch.changed().await);
    assert!(watch.changed().await);

    std::fs::remove_file(at("two")).unwrap();
    assert!(!watch.changed().await);
    assert!(watch.changed().await);
}
