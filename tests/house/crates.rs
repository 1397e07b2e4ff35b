//! The crate graph: `backend` may know `access`, the program knows all, nobody else knows anybody.

use std::collections::{BTreeMap, BTreeSet};

use crate::{list, metadata, text};

#[test]
fn each_crate_knows_only_those_that_it_may() {
    let metadata = metadata("Cargo.toml");
    let members: BTreeSet<&str> =
        list(&metadata, "workspace_members").iter().filter_map(|id| id.as_str()).collect();
    let packages = list(&metadata, "packages").iter().filter(|package| members.contains(text(package, "id")));
    let known: BTreeMap<String, BTreeSet<String>> = packages
        .map(|package| {
            let ours = list(package, "dependencies").iter().map(|dependency| text(dependency, "name"));
            let ours = ours.filter(|name| name.starts_with("bartizan")).map(str::to_owned).collect();
            (text(package, "name").to_owned(), ours)
        })
        .collect();

    let expected = [
        ("bartizan", &["bartizan-access", "bartizan-backend", "bartizan-plugin", "bartizan-redact"][..]),
        ("bartizan-access", &[]),
        ("bartizan-backend", &["bartizan-access"]),
        ("bartizan-plugin", &[]),
        ("bartizan-redact", &[]),
        ("bartizan-tests", &[]),
    ];
    let expected: BTreeMap<String, BTreeSet<String>> = expected
        .into_iter()
        .map(|(name, knows)| (name.to_owned(), knows.iter().map(|known| (*known).to_owned()).collect()))
        .collect();
    assert_eq!(known, expected);
}
