//! The proof that the policy lets a subject near a backend, and what it lets them see there.

use std::sync::Arc;

use super::{Denied, Grant, Redactions, Selector};
use crate::identity::Subject;

/// What a subject may see of one backend: all grants for it that their roles hold.
///
/// Only [`Policy::decide`](super::Policy::decide) makes one. A backend sends nothing without it,
/// and asks [`Permit::admit`] for each action, since a grant names its actions.
///
/// # It cannot be forged
///
/// Its fields are private, it has no public constructor, no default, and is read from nowhere.
/// ```compile_fail,E0451
/// # use std::sync::Arc;
/// # use bartizan_access::{identity::Subject, policy::Permit};
/// let subject = Arc::new(Subject::hypothetical("eve", &[]));
/// let permit = Permit { subject, backend: "prometheus".into(), grants: Vec::new() };
/// ```
/// ```compile_fail,E0624
/// # use std::sync::Arc;
/// # use bartizan_access::{identity::Subject, policy::Permit};
/// Permit::new(Arc::new(Subject::hypothetical("eve", &[])), "prometheus".into(), Vec::new());
/// ```
/// ```compile_fail,E0277
/// fn can_be_made<T: Default>() {}
/// can_be_made::<bartizan_access::policy::Permit>();
/// ```
/// ```compile_fail,E0277
/// fn can_be_read<T: serde::de::DeserializeOwned>() {}
/// can_be_read::<bartizan_access::policy::Permit>();
/// ```
#[derive(Debug, Clone)]
pub struct Permit {
    subject: Arc<Subject>,
    backend: Arc<str>,
    grants: Vec<Arc<Grant>>,
}

impl Permit {
    pub(super) fn new(subject: Arc<Subject>, backend: Arc<str>, grants: Vec<Arc<Grant>>) -> Self {
        Permit { subject, backend, grants }
    }

    /// Who may.
    pub fn subject(&self) -> &Arc<Subject> {
        &self.subject
    }

    /// The backend's name in the settings, for which alone this permit holds.
    pub fn backend(&self) -> &Arc<str> {
        &self.backend
    }

    /// All grants that it stands for: what the portal and `policy explain` show.
    pub fn grants(&self) -> &[Arc<Grant>] {
        &self.grants
    }

    /// Whether some action's answers are redacted, so that a backend must send what can be read.
    pub fn may_redact(&self) -> bool {
        self.grants.iter().any(|grant| !grant.redactions.is_empty())
    }

    /// What may be seen by way of this action (one of the backend's words, such as `read`).
    ///
    /// Grants that name the action add up. Where one of them shows everything, only those that show
    /// everything decide on redaction, and the most lenient of them wins, because it admits every
    /// item. Otherwise items of several grants cannot be told apart in an aggregate, so everything
    /// that any of them redacts is redacted.
    pub fn admit(&self, action: &'static str) -> Result<Admission, Denied> {
        let admitting = || self.grants.iter().filter(|grant| grant.allows(action));
        let mut by: Vec<Arc<str>> = Vec::new();
        let mut whole: Option<Redactions> = None;
        let mut partial = Redactions::NONE;
        let mut selectors: Vec<Selector> = Vec::new();
        for grant in admitting() {
            if !by.contains(&grant.role) {
                by.push(grant.role.clone());
            }
            if grant.shows_everything() {
                whole = Some(whole.map_or(grant.redactions, |least| least.intersection(grant.redactions)));
            } else {
                partial = partial.union(grant.redactions);
                for selector in &grant.selectors {
                    if !selectors.contains(selector) {
                        selectors.push(selector.clone());
                    }
                }
            }
        }
        if by.is_empty() {
            return Err(Denied::Action {
                subject: self.subject.name().to_owned(),
                backend: self.backend.to_string(),
                action,
            });
        }
        let (scope, redactions) = match whole {
            Some(redactions) => (Scope::Everything, redactions),
            None => (Scope::Only(selectors.into()), partial),
        };
        Ok(Admission { action, scope, redactions, roles: by })
    }
}

/// What a permit admits for one action. It is part of every [`Permit`] that a backend is given and
/// cannot be made otherwise.
///
/// # It cannot be forged
///
/// ```compile_fail,E0451
/// # use bartizan_access::policy::{Admission, Redactions, Scope};
/// Admission { action: "read", scope: Scope::Everything, redactions: Redactions::NONE, roles: Vec::new() };
/// ```
/// ```compile_fail,E0616
/// # fn widen(mut admission: bartizan_access::policy::Admission) {
/// admission.scope = bartizan_access::policy::Scope::Everything;
/// # }
/// ```
/// ```compile_fail,E0277
/// fn can_be_made<T: Default>() {}
/// can_be_made::<bartizan_access::policy::Admission>();
/// ```
#[derive(Debug, Clone)]
pub struct Admission {
    action: &'static str,
    scope: Scope,
    redactions: Redactions,
    roles: Vec<Arc<str>>,
}

impl Admission {
    /// The action that was asked for.
    pub fn action(&self) -> &'static str {
        self.action
    }

    /// Which items.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Which kinds of personal data are redacted in the answer.
    pub fn redactions(&self) -> Redactions {
        self.redactions
    }

    /// The roles whose grants admit it, for the audit log and for explanations.
    pub fn roles(&self) -> &[Arc<str>] {
        &self.roles
    }
}

/// Which of a backend's items may be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them: the request passes as it is.
    Everything,
    /// Those that at least one of these selectors matches (OR of ANDs); never empty.
    Only(Arc<[Selector]>),
}
