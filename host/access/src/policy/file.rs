//! The policy file as people write it, and its compilation, which reports every error at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::{Action, Grant, Policy, Redactions, Selector, Vocabulary};
use crate::document::{Document, Faults};

/// The file: roles and bindings.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    #[serde(default)]
    roles: BTreeMap<String, RoleSection>,
    #[serde(default)]
    bindings: Vec<BindingSection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleSection {
    /// For people who read the policy; it is not evaluated.
    #[serde(default, rename = "description")]
    _description: Option<String>,
    grants: Vec<GrantSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantSection {
    backend: String,
    actions: Vec<String>,
    #[serde(default)]
    selectors: Option<Vec<String>>,
    #[serde(default)]
    redact: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BindingSection {
    role: String,
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
}

impl PolicyFile {
    /// Reads and compiles a policy. `name` is the file's name for messages.
    ///
    /// On failure every fault that could be found is reported, with its line and key.
    pub fn compile(name: &str, text: &str, vocabulary: &Vocabulary) -> Result<Policy, Faults> {
        let mut document = Document::parse(name, text)?;
        let mut faults = Faults::default();
        let file: PolicyFile = document.read(&mut faults);
        let mut compiler = Compiler { document: &document, vocabulary, faults, policy: Policy::default() };
        for (role, section) in &file.roles {
            compiler.role(role, section);
        }
        for (position, binding) in file.bindings.iter().enumerate() {
            compiler.binding(position, binding, &file.roles);
        }
        if compiler.faults.is_empty() { Ok(compiler.policy) } else { Err(compiler.faults) }
    }
}

struct Compiler<'a> {
    document: &'a Document,
    vocabulary: &'a Vocabulary,
    faults: Faults,
    policy: Policy,
}

impl Compiler<'_> {
    fn fault(&mut self, path: &str, message: String) {
        self.faults.push(self.document.fault(path, message));
    }

    fn role(&mut self, role: &str, section: &RoleSection) {
        let name: Arc<str> = role.into();
        let grants = section
            .grants
            .iter()
            .enumerate()
            .filter_map(|(position, grant)| {
                self.grant(&name, &format!("roles.{role}.grants[{position}]"), grant)
            })
            .collect();
        self.policy.roles.insert(name, grants);
    }

    fn grant(&mut self, role: &Arc<str>, path: &str, section: &GrantSection) -> Option<Arc<Grant>> {
        let Some((backend, actions)) =
            self.vocabulary.backends.iter().find(|(name, _)| **name == *section.backend).cloned()
        else {
            let known = list(self.vocabulary.backends.iter().map(|(name, _)| &**name));
            self.fault(
                &format!("{path}.backend"),
                format!("no backend is called `{}`; there are {known}", section.backend),
            );
            return None;
        };
        let selectors = self.selectors(path, section);
        let everything = selectors.iter().any(Selector::matches_everything);
        let actions = self.actions(path, section, actions, everything);
        let redactions = self.redactions(path, section);
        Some(Arc::new(Grant { role: role.clone(), backend, actions, selectors, redactions }))
    }

    fn actions(
        &mut self,
        path: &str,
        section: &GrantSection,
        known: &[Action],
        everything: bool,
    ) -> Vec<&'static str> {
        let mut actions = Vec::new();
        for (position, word) in section.actions.iter().enumerate() {
            let path = format!("{path}.actions[{position}]");
            if word == "*" {
                actions.extend(
                    known.iter().filter(|action| everything || action.narrowable).map(|action| action.name),
                );
                continue;
            }
            match known.iter().find(|action| action.name == *word) {
                None => {
                    let known = list(known.iter().map(|action| action.name));
                    self.fault(
                        &path,
                        format!("`{}` has no action `{word}`; it has {known}", section.backend),
                    );
                }
                Some(action) if !everything && !action.narrowable => self.fault(
                    &path,
                    format!(
                        "`{word}` cannot be narrowed to a selector; grant it apart, with selectors: ['{{}}']"
                    ),
                ),
                Some(action) => actions.push(action.name),
            }
        }
        if section.actions.is_empty() {
            self.fault(
                &format!("{path}.actions"),
                "a grant without actions grants nothing; remove it, or name some".into(),
            );
        }
        actions
    }

    fn selectors(&mut self, path: &str, section: &GrantSection) -> Vec<Selector> {
        let written = match &section.selectors {
            Some(written) if !written.is_empty() => written,
            _ => {
                let message =
                    "say which items the grant shows: selectors: ['{team=\"…\"}'], or ['{}'] for everything";
                self.fault(path, message.into());
                return Vec::new();
            }
        };
        let mut selectors = Vec::new();
        for (position, text) in written.iter().enumerate() {
            match Selector::parse(text) {
                Ok(selector) => selectors.push(selector),
                Err(error) => self.fault(&format!("{path}.selectors[{position}]"), error.to_string()),
            }
        }
        selectors
    }

    fn redactions(&mut self, path: &str, section: &GrantSection) -> Redactions {
        let mut redactions = Redactions::NONE;
        for (position, word) in section.redact.iter().enumerate() {
            match self.vocabulary.redactions.iter().position(|kind| kind == word) {
                Some(kind) => redactions = redactions.union(Redactions::single(kind)),
                None => {
                    let known = list(self.vocabulary.redactions.iter().copied());
                    self.fault(
                        &format!("{path}.redact[{position}]"),
                        format!("no kind of personal data is called `{word}`; there are {known}"),
                    );
                }
            }
        }
        redactions
    }

    fn binding(&mut self, position: usize, section: &BindingSection, roles: &BTreeMap<String, RoleSection>) {
        let path = format!("bindings[{position}]");
        let Some((name, _)) = roles.get_key_value(&section.role) else {
            let known = list(roles.keys().map(String::as_str));
            self.fault(
                &format!("{path}.role"),
                format!("no role is called `{}`; there are {known}", section.role),
            );
            return;
        };
        if section.users.is_empty() && section.groups.is_empty() {
            self.fault(
                &path,
                "a binding without users and groups binds nobody; remove it, or name some".into(),
            );
        }
        let role: Arc<str> = name.as_str().into();
        for user in &section.users {
            self.policy.by_user.entry(user.clone()).or_default().push(role.clone());
        }
        for group in &section.groups {
            self.policy.by_group.entry(group.clone()).or_default().push(role.clone());
        }
    }
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}
