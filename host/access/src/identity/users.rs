//! Built-in users: a YAML file of names, password hashes and groups.
//!
//! ```yaml
//! users:
//!   bo: {password: "$argon2id$v=19$m=19456,t=2,p=1$…", groups: [payments]}
//! ```
//! Read again when it changes; a file with a fault is refused as a whole, with all its faults, and the old
//! users go on.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use ring::digest;
use serde::Deserialize;

use crate::document::{Document, Faults};

use super::failure::SetupError;
use super::file;
use super::password::{self, PasswordHash};

/// Longer names are nobody's.
pub(super) const LONGEST_NAME: usize = 128;

const HEADER: &str =
    "# The built-in users. `bartizan user add` writes this file anew: comments in it are lost then.\n";

/// The users of a file.
#[derive(Debug)]
pub struct Users {
    by_name: BTreeMap<String, User>,
    decoy: PasswordHash,
}

#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) password: PasswordHash,
    pub(super) groups: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct UsersFile {
    users: BTreeMap<String, UserEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    password: String,
    #[serde(default)]
    groups: Vec<String>,
}

impl std::fmt::Debug for UserEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserEntry").field("groups", &self.groups).finish_non_exhaustive()
    }
}

impl Users {
    /// Reads the text of a user file; `name` stands in the faults.
    pub fn parse(name: &str, text: &str) -> Result<Users, SetupError> {
        let by_name = parse(name, text)?;
        let decoy = match by_name.values().next() {
            Some(user) => user.password.decoy()?,
            None => PasswordHash::of("nobody has this name")?,
        };
        Ok(Users { by_name, decoy })
    }

    /// Reads a user file.
    pub fn read(path: &Path) -> Result<Users, SetupError> {
        if file::is_readable_by_all(path) {
            tracing::warn!(path = %path.display(), "the user file is readable by everybody on this machine; `chmod 600` it");
        }
        Users::parse(&path.display().to_string(), &file::read_text(path)?)
    }

    /// Adds a user to the file, or gives an existing one a new password and new groups; makes the file where
    /// there is none. True where the user existed. The file is replaced in one step, readable by its owner
    /// alone; comments in it are lost.
    pub fn put(path: &Path, name: &str, password: &str, groups: &[String]) -> Result<bool, SetupError> {
        let wrong = |reason| SetupError::User { name: name.to_owned(), reason };
        if let Some(reason) = name_fault(name).or_else(|| password::fault(password)) {
            return Err(wrong(reason));
        }
        if let Some(reason) = groups.iter().find_map(|group| group_fault(group)) {
            return Err(wrong(reason));
        }
        let mut users = existing(path)?;
        let user = User { password: PasswordHash::of(password)?, groups: groups.to_vec() };
        let replaced = users.insert(name.to_owned(), user).is_some();
        let text = rendered(&users);
        if !path.exists() && file::create(path, text.as_bytes())? {
            return Ok(replaced);
        }
        file::replace(path, text.as_bytes())?;
        Ok(replaced)
    }

    /// Takes a user out of the file; false where there was none. Their sessions end when the file is read
    /// again.
    pub fn remove(path: &Path, name: &str) -> Result<bool, SetupError> {
        let mut users = existing(path)?;
        let removed = users.remove(name).is_some();
        if removed {
            file::replace(path, rendered(&users).as_bytes())?;
        }
        Ok(removed)
    }

    /// Names and groups, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.by_name.iter().map(|(name, user)| (name.as_str(), user.groups.as_slice()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&User> {
        self.by_name.get(name)
    }

    /// Whether the password is the user's. Takes equally long for names that nobody has.
    pub(super) fn verify(&self, name: &str, password: &str) -> bool {
        match self.by_name.get(name) {
            Some(user) => user.password.verifies(password),
            None => {
                self.decoy.verifies(password);
                false
            }
        }
    }
}

impl User {
    /// Changes with the password; a session remembers it.
    pub(super) fn stamp(&self) -> [u8; 8] {
        let mut stamp = [0; 8];
        let digest = digest::digest(&digest::SHA256, self.password.as_str().as_bytes());
        stamp.copy_from_slice(&digest.as_ref()[..8]);
        stamp
    }
}

fn existing(path: &Path) -> Result<BTreeMap<String, User>, SetupError> {
    match file::read_text(path) {
        Ok(text) => parse(&path.display().to_string(), &text),
        Err(SetupError::File { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(other) => Err(other),
    }
}

fn parse(name: &str, text: &str) -> Result<BTreeMap<String, User>, SetupError> {
    let mut document = Document::parse(name, text).map_err(SetupError::Users)?;
    let mut faults = Faults::default();
    let file: UsersFile = document.read(&mut faults);
    let mut by_name = BTreeMap::new();
    for (name, entry) in file.users {
        let key = format!("users.{name}");
        if let Some(reason) = name_fault(&name) {
            faults.push(document.fault(&key, reason.to_owned()));
        }
        for (i, group) in entry.groups.iter().enumerate() {
            if let Some(reason) = group_fault(group) {
                faults.push(document.fault(&format!("{key}.groups[{i}]"), reason.to_owned()));
            }
        }
        match PasswordHash::parse(&entry.password) {
            Ok(password) => {
                by_name.insert(name, User { password, groups: entry.groups });
            }
            Err(reason) => faults.push(document.fault(&format!("{key}.password"), reason.to_owned())),
        }
    }
    if faults.is_empty() { Ok(by_name) } else { Err(SetupError::Users(faults)) }
}

fn rendered(users: &BTreeMap<String, User>) -> String {
    // A JSON string is a YAML double-quoted scalar.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut out = HEADER.to_owned();
    out.push_str(if users.is_empty() { "users: {}\n" } else { "users:\n" });
    for (name, user) in users {
        let groups: Vec<String> = user.groups.iter().map(|group| quoted(group)).collect();
        out.push_str(&format!(
            "  {}:\n    password: {}\n    groups: [{}]\n",
            quoted(name),
            quoted(user.password.as_str()),
            groups.join(", ")
        ));
    }
    out
}

fn name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Some("a user name has 1 to 128 bytes");
    }
    if name.contains(':') {
        return Some("a user name has no colon: HTTP Basic could not carry it");
    }
    if name.contains(char::is_control) || name.trim() != name {
        return Some("a user name has no control characters, and no space around it");
    }
    None
}

fn group_fault(group: &str) -> Option<&'static str> {
    let wrong =
        group.is_empty() || group.len() > 256 || group.contains(char::is_control) || group.trim() != group;
    wrong.then_some("a group has 1 to 256 bytes, no control characters, and no space around it")
}

#[cfg(test)]
mod tests;
