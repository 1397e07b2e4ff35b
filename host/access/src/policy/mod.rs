//! What people may see: roles hold grants, bindings give roles to users and groups.
//!
//! Deny by default. Grants add up and their order never matters. What the file says is compiled
//! once; [`Policy::decide`] is what a request asks.

mod file;
mod inclusion;
mod pattern;
mod permit;
mod selector;

use std::collections::HashMap;
use std::sync::Arc;

pub use file::PolicyFile;
pub use inclusion::{Confinement, confined};
pub use pattern::{Pattern, PatternError};
pub use permit::{Admission, Permit, Scope};
pub use selector::{Matcher, Operator, Selector, SelectorError};

use crate::identity::Subject;

/// The words that a policy may use. The backends and the redaction crate own them; the program hands them in.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// Backends by their name in the settings, each with the actions of its kind.
    pub backends: Vec<(Arc<str>, &'static [Action])>,
    /// Kinds of personal data that can be redacted; at most 64. Their order defines [`Redactions`].
    pub redactions: Vec<&'static str>,
}

/// One thing that can be done with a backend, by the name that a grant gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// The word in the policy file, such as `read`.
    pub name: &'static str,
    /// Whether answers can be narrowed to some items. Where not, only a grant that shows everything can name it.
    pub narrowable: bool,
    /// What it lets people do, in a few words.
    pub help: &'static str,
}

/// A set of kinds of personal data: positions in [`Vocabulary::redactions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Redactions(u64);

impl Redactions {
    /// Nothing is redacted.
    pub const NONE: Redactions = Redactions(0);

    pub(crate) fn single(position: usize) -> Self {
        Redactions(1u64.checked_shl(u32::try_from(position).unwrap_or(u32::MAX)).unwrap_or(0))
    }

    /// Kinds that are in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Redactions(self.0 | other.0)
    }

    /// Kinds that are in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Redactions(self.0 & other.0)
    }

    /// Whether nothing is redacted.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The positions in the vocabulary, ascending.
    pub fn positions(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |position| self.0 & (1 << position) != 0)
    }
}

/// One compiled grant of a role.
#[derive(Debug, PartialEq, Eq)]
pub struct Grant {
    role: Arc<str>,
    backend: Arc<str>,
    actions: Vec<&'static str>,
    selectors: Vec<Selector>,
    redactions: Redactions,
}

impl Grant {
    fn allows(&self, action: &str) -> bool {
        self.actions.contains(&action)
    }

    fn shows_everything(&self) -> bool {
        self.selectors.iter().any(Selector::matches_everything)
    }

    /// The role that holds it.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The backend that it opens.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// The actions that it names.
    pub fn actions(&self) -> &[&'static str] {
        &self.actions
    }

    /// The items that it shows.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// The kinds of personal data that it redacts.
    pub fn redactions(&self) -> Redactions {
        self.redactions
    }
}

/// Why somebody may not. The facts are for the log and for explanations; what the person reads says less.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No binding gives them a role.
    #[error("{subject} holds no role")]
    NoRole {
        /// Who.
        subject: String,
    },
    /// None of their roles opens the backend.
    #[error("no role of {subject} opens {backend}")]
    Backend {
        /// Who.
        subject: String,
        /// What they wanted to open.
        backend: String,
    },
    /// Their grants for the backend do not name the action.
    #[error("no role of {subject} allows `{action}` on {backend}")]
    Action {
        /// Who.
        subject: String,
        /// Where.
        backend: String,
        /// What they wanted to do.
        action: &'static str,
    },
}

/// A compiled policy. Reloading makes a new one; requests under way keep theirs.
#[derive(Debug, Default)]
pub struct Policy {
    roles: HashMap<Arc<str>, Vec<Arc<Grant>>>,
    by_user: HashMap<String, Vec<Arc<str>>>,
    by_group: HashMap<String, Vec<Arc<str>>>,
}

impl Policy {
    /// The permit of a subject for a backend, or why there is none.
    pub fn decide(&self, subject: &Arc<Subject>, backend: &Arc<str>) -> Result<Permit, Denied> {
        let mut held = false;
        let mut grants: Vec<Arc<Grant>> = Vec::new();
        for role in self.roles_of(subject) {
            held = true;
            for grant in self.roles.get(role).into_iter().flatten() {
                if grant.backend == *backend && !grants.iter().any(|known| Arc::ptr_eq(known, grant)) {
                    grants.push(grant.clone());
                }
            }
        }
        if !held {
            return Err(Denied::NoRole { subject: subject.name().to_owned() });
        }
        if grants.is_empty() {
            return Err(Denied::Backend { subject: subject.name().to_owned(), backend: backend.to_string() });
        }
        Ok(Permit::new(subject.clone(), backend.clone(), grants))
    }

    /// The roles that bindings give to the subject; one can come up twice.
    pub fn roles_of<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = &'a Arc<str>> {
        let by_user = self.by_user.get(subject.name()).into_iter().flatten();
        let by_group = subject.groups().iter().filter_map(|group| self.by_group.get(group)).flatten();
        by_user.chain(by_group)
    }
}

#[cfg(test)]
mod tests;
