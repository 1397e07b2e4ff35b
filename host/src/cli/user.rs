//! `bartizan user`.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use bartizan_access::identity::Users;
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(super) enum User {
    /// Add a user, or give one a new password and groups. Takes effect in a running gateway at once.
    Add(Add),
    /// List users and their groups.
    List(File),
    /// Remove a user; their sessions end at once.
    Remove {
        #[command(flatten)]
        file: File,
        /// Who.
        name: String,
    },
}

#[derive(Args)]
pub(super) struct File {
    /// The file of users; `identity.users` in the settings names it.
    #[arg(short, long, value_name = "FILE", default_value = "users.yaml")]
    users: PathBuf,
}

#[derive(Args)]
pub(super) struct Add {
    #[command(flatten)]
    file: File,
    /// Who.
    name: String,
    /// A group; may be given several times. The policy binds roles to groups.
    #[arg(short, long, value_name = "GROUP")]
    group: Vec<String>,
    /// Read the password from standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
}

impl User {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self {
            User::Add(add) => add.run()?,
            User::List(file) => {
                for (name, groups) in Users::read(&file.users)?.iter() {
                    println!("{name}\t{}", groups.join(", "));
                }
            }
            User::Remove { file, name } => {
                if !Users::remove(&file.users, &name)? {
                    bail!("there is no user `{name}` in {}", file.users.display());
                }
                println!("{name} is removed.");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Add {
    fn run(self) -> Result<()> {
        let password = if self.password_stdin { first_line()? } else { asked_for()? };
        let replaced = Users::put(&self.file.users, &self.name, &password, &self.group)?;
        let done = if replaced { "has a new password and groups" } else { "is added" };
        println!("{} {done} in {}.", self.name, self.file.users.display());
        if self.group.is_empty() {
            println!(
                "They are in no group: bind a role to `users: [{}]` in the policy, or add --group.",
                self.name
            );
        }
        Ok(())
    }
}

fn first_line() -> Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("the password could not be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn asked_for() -> Result<String> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask on; give the password on standard input, with --password-stdin");
    }
    let password = rpassword::prompt_password("Password: ")?;
    if password != rpassword::prompt_password("The same again: ")? {
        bail!("the two differ; nothing was changed");
    }
    Ok(password)
}
