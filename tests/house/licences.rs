//! Licences, sources and bans of deny.toml, held without cargo-deny.

use support::repository::root;

use crate::{list, metadata, text};

#[test]
fn every_package_has_a_licence_that_is_allowed() {
    let allowed = strings_in_deny_toml("allow = [");
    for manifest in ["Cargo.toml", "plugins/Cargo.toml"] {
        let metadata = metadata(manifest);
        let refused: Vec<String> = list(&metadata, "packages")
            .iter()
            .filter(|package| !permits(text(package, "license"), &allowed))
            .map(|package| format!("{} ({})", text(package, "name"), text(package, "license")))
            .collect();
        assert!(refused.is_empty(), "{manifest}: licences that deny.toml does not allow: {refused:?}");
    }
}

#[test]
fn every_package_is_ours_or_from_crates_io_and_none_is_banned() {
    let banned = strings_in_deny_toml("deny = [");
    assert!(!banned.is_empty());
    for manifest in ["Cargo.toml", "plugins/Cargo.toml"] {
        let metadata = metadata(manifest);
        for package in list(&metadata, "packages") {
            let (name, source) = (text(package, "name"), package["source"].as_str());
            let known =
                source.is_none_or(|source| source == "registry+https://github.com/rust-lang/crates.io-index");
            assert!(known, "{manifest}: {name} comes from {source:?}");
            assert!(!banned.iter().any(|ban| ban == name), "{manifest}: {name} is banned by deny.toml");
        }
    }
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned(), "ISC".to_owned()];
    for good in
        ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "(GPL-3.0 OR MIT) AND ISC", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(permits(good, &allowed), "{good}");
    }
    for bad in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "GPL-3.0 OR BSD-2-Clause", "(MIT AND GPL-3.0) OR Apache-2.0"]
    {
        assert!(!permits(bad, &allowed), "{bad}");
    }
}

/// The strings of one list in deny.toml.
fn strings_in_deny_toml(opening: &str) -> Vec<String> {
    let file = std::fs::read_to_string(root().join(".deny.toml")).unwrap();
    let start = file.find(&format!("\n{opening}")).unwrap() + opening.len() + 1;
    let list = &file[start..start + file[start..].find(']').unwrap()];
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be satisfied with the allowed licences. `/` is the old way to write `OR`.
fn permits(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut permitted = all_of(rest, allowed);
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        permitted |= all_of(rest, allowed);
    }
    permitted
}

fn all_of(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut permitted = one(rest, allowed);
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        permitted &= one(rest, allowed);
    }
    permitted
}

fn one(rest: &mut &[&str], allowed: &[String]) -> bool {
    match *rest {
        ["(", inner @ ..] => {
            *rest = inner;
            let permitted = any_of(rest, allowed);
            let closed = rest.first() == Some(&")");
            *rest = &rest[usize::from(closed)..];
            permitted && closed
        }
        [licence, "WITH", exception, after @ ..] => {
            *rest = after;
            allowed.contains(&format!("{licence} WITH {exception}"))
        }
        [licence, after @ ..] => {
            *rest = after;
            allowed.iter().any(|known| known == licence)
        }
        [] => false,
    }
}
