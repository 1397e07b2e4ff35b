//! `bartizan policy`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use bartizan_access::identity::{Subject, Users};
use bartizan_access::policy::{Denied, Grant};
use clap::{Args, Subcommand};

use super::Config;
use crate::respond;
use crate::settings::{Settings, vocabulary};

#[derive(Subcommand)]
pub(super) enum PolicyCommand {
    /// Say what somebody may see, and by which role.
    Explain(Explain),
}

#[derive(Args)]
pub(super) struct Explain {
    #[command(flatten)]
    config: Config,

    /// Whose rights; a built-in user's groups are looked up.
    #[arg(long = "as", value_name = "USER")]
    user: String,

    /// Their groups, for somebody who is no built-in user.
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    groups: Vec<String>,

    /// One backend alone.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
}

impl PolicyCommand {
    pub(super) fn run(self) -> Result<ExitCode> {
        let PolicyCommand::Explain(explain) = self;
        explain.run()
    }
}

impl Explain {
    fn run(self) -> Result<ExitCode> {
        let settings = super::check::load(&self.config.config)?;
        let subject = Arc::new(Subject::hypothetical(&self.user, &self.groups_of_user(&settings)?));
        let vocabulary = vocabulary(&settings.backends);
        let mut names: Vec<Arc<str>> = vocabulary.backends.into_iter().map(|(name, _)| name).collect();
        if let Some(only) = &self.backend {
            names.retain(|name| **name == **only);
            if names.is_empty() {
                bail!("no backend is called `{only}`; `bartizan check` lists them");
            }
        }
        let groups =
            if subject.groups().is_empty() { "no group".to_owned() } else { subject.groups().join(", ") };
        let mut roles: Vec<&str> = settings.policy.roles_of(&subject).map(|role| &**role).collect();
        roles.sort_unstable();
        roles.dedup();
        println!(
            "{} is in {groups} and holds {}.",
            self.user,
            if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") }
        );
        for name in &names {
            match settings.policy.decide(&subject, name) {
                Ok(permit) => {
                    println!("\n{name}: open");
                    permit.grants().iter().for_each(|grant| print_grant(grant));
                }
                Err(Denied::NoRole { .. } | Denied::Backend { .. }) => {
                    println!("\n{name}: closed; no role opens it")
                }
                Err(other) => println!("\n{name}: closed; {other}"),
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn groups_of_user(&self, settings: &Settings) -> Result<Vec<String>> {
        if !self.groups.is_empty() {
            return Ok(self.groups.clone());
        }
        let Some(file) = &settings.identity.users else { return Ok(Vec::new()) };
        let users = Users::read(file)?;
        let found = users.iter().find(|(name, _)| *name == self.user).map(|(_, groups)| groups.to_vec());
        match found {
            Some(groups) => Ok(groups),
            None => bail!(
                "`{}` is no built-in user; for somebody with a token, say their groups: --groups GROUP,…",
                self.user
            ),
        }
    }
}

fn print_grant(grant: &Grant) {
    let kinds = respond::vocabulary();
    let redacted: Vec<&str> =
        grant.redactions().positions().filter_map(|at| kinds.get(at).copied()).collect();
    let shown: Vec<String> = grant
        .selectors()
        .iter()
        .map(
            |selector| if selector.matches_everything() { "everything".into() } else { selector.to_string() },
        )
        .collect();
    println!("  by role {}: {}", grant.role(), grant.actions().join(", "));
    println!("    sees {}", shown.join(" or "));
    println!(
        "    redacted: {}",
        if redacted.is_empty() { "nothing".to_owned() } else { redacted.join(", ") }
    );
}
