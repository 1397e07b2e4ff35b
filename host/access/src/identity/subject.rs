//! The person or program behind a request, once established.

/// How a subject proved who they are; it stands in the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// A sealed session cookie, made by the login page.
    Session,
    /// HTTP Basic with a built-in user's password (RFC 7617).
    Basic,
    /// A bearer token (RFC 6750) that is a JWT of this issuer.
    Jwt {
        /// The `iss` claim, as configured.
        issuer: String,
    },
}

impl Login {
    /// The word that the audit log uses: `session`, `basic` or `jwt`.
    pub fn name(&self) -> &'static str {
        match self {
            Login::Session => "session",
            Login::Basic => "basic",
            Login::Jwt { .. } => "jwt",
        }
    }
}

/// Somebody whose evidence was verified. Only this crate's identity module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    name: String,
    groups: Vec<String>,
    login: Login,
}

impl Subject {
    pub(crate) fn new(name: String, groups: Vec<String>, login: Login) -> Self {
        Subject { name, groups, login }
    }

    /// The subject as `policy explain --as` describes it. It opens nothing by itself: the
    /// program that explains a policy sends no request.
    pub fn hypothetical(name: &str, groups: &[String]) -> Self {
        Subject::new(name.to_owned(), groups.to_vec(), Login::Session)
    }

    /// The name that they logged in with, or the token's user claim.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Groups, as the built-in user file or the token's groups claim names them.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// How they proved it.
    pub fn login(&self) -> &Login {
        &self.login
    }
}
