//! `bartizan serve --backend URL` in an empty folder.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use support::ports::free_row;
use support::process::{Folder, Process};
use support::prometheus::Prometheus;
use support::{client, repository};

use super::{AT, SAMPLES};

#[tokio::test]
async fn one_command_serves_a_backend_with_a_certificate_and_a_login() -> Result<()> {
    let prometheus = Prometheus::holding(SAMPLES).await?;
    let folder = Folder::new()?;
    let port = free_row(2);
    let made = folder.path().join("made");
    let arguments = [
        "serve".to_owned(),
        "--backend".into(),
        prometheus.url(),
        "--listen".into(),
        format!("127.0.0.1:{port}"),
        "--folder".into(),
        made.display().to_string(),
    ];
    let mut process =
        Process::start("gateway", repository::program()?, "the program", arguments, folder.path())?;
    process.says("Go on from here", Duration::from_secs(20)).await?;
    let said = process.log();
    let password = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("Sign in as admin with "))
        .with_context(|| format!("no password in:\n{said}"))?
        .to_owned();
    let ca = std::fs::read_to_string(made.join("ca.pem"))?;
    let client = client::trusting(&ca)?;
    let url = format!("https://127.0.0.1:{port}/prometheus/api/v1/query?query=sold&{AT}");
    let answer = client.get(&url).basic_auth("admin", Some(&password)).send().await?;
    ensure!(answer.status() == 200, "{}", answer.status());
    ensure!(answer.text().await?.contains("jo@example.com"), "the first login sees everything");
    ensure!(client.get(&url).send().await?.status() == 401);

    process.signal("TERM")?;
    process.wait(Duration::from_secs(20)).await?;
    process.start_again()?;
    process.says("Sign in as before", Duration::from_secs(20)).await?;
    let again = client.get(&url).basic_auth("admin", Some(&password)).send().await?;
    ensure!(again.status() == 200, "the login outlives a restart: {}", again.status());
    Ok(())
}
