//! Where the repository and the built program are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The built gateway: the one that stands next to the running test program.
///
/// Fails where it is not built; `cargo test` of this package does not build it by itself.
pub fn program() -> Result<PathBuf> {
    let test = std::env::current_exe().context("the running test program has no path")?;
    let profile = test.ancestors().nth(2).context("the test program is not in a target folder")?;
    let program = profile.join("bartizan");
    ensure!(program.is_file(), "{} is not there; run: cargo build --release --locked", program.display());
    Ok(program)
}
