//! `bartizan audit`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::audit::{Verdict, verify};

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Find any edit, cut or gap in audit files. Exits with 1 if there is one.
    Verify {
        /// The files of one chain, oldest first; the newest last.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

impl AuditCommand {
    pub(super) fn run(self) -> Result<ExitCode> {
        let AuditCommand::Verify { files } = self;
        let verdict = verify(&files).context("an audit file cannot be read")?;
        match verdict {
            Verdict::Intact { first, last, hash } => {
                println!("intact: records {first} to {last}, each sealing the one before");
                println!("head: {hash}");
                println!(
                    "Compare the head with the last `audit head` line of the gateway's log: whoever can write the file could have written a chain anew."
                );
                if first > 1 {
                    println!(
                        "Records 1 to {} stand in older files; name those first to check them too.",
                        first - 1
                    );
                }
                Ok(ExitCode::SUCCESS)
            }
            Verdict::Broken { file, line, what } => {
                println!("BROKEN at {}:{line}: {what}", file.display());
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
