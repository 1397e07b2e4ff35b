//! Settings, policy and users change while the gateway runs.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use support::gateway::Gateway;
use support::prometheus::Prometheus;

use super::{AT, POLICY, SAMPLES, options};

async fn shown(gateway: &Gateway, user: &str) -> Result<usize> {
    let answer = gateway.json(user, &format!("/prometheus/api/v1/query?query=sold&{AT}")).await?;
    Ok(answer["data"]["result"].as_array().map_or(0, Vec::len))
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    for _ in 0..100 {
        if holds().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("{what} did not happen within 10 s")
}

#[tokio::test]
async fn a_changed_policy_is_taken_up_and_an_invalid_one_refused() -> Result<()> {
    let prometheus = Prometheus::holding(SAMPLES).await?;
    let mut gateway = options([prometheus.url()])?.start().await?;
    let policy = gateway.folder().path().join("policy.yaml");
    ensure!(shown(&gateway, "bo").await? == 1);

    fs::write(&policy, POLICY.replace("'{team=\"payments\"}'", "'{team=~\"payments|walks\"}'"))?;
    until("taking up the policy", async || Ok(shown(&gateway, "bo").await? == 2)).await?;

    fs::write(&policy, POLICY.replace("actions: [read]", "actions: [reed]"))?;
    gateway.process().signal("HUP")?;
    gateway.process().says("new settings are refused", Duration::from_secs(10)).await?;
    gateway.process().says("no action `reed`", Duration::from_secs(1)).await?;
    ensure!(shown(&gateway, "bo").await? == 2, "the old policy goes on");

    fs::write(&policy, POLICY)?;
    until("taking up the mended policy", async || Ok(shown(&gateway, "bo").await? == 1)).await?;
    let reloads: Vec<String> = gateway
        .audit()?
        .iter()
        .filter(|record| record["event"] == "reload")
        .map(|record| record["decision"].as_str().unwrap_or("").to_owned())
        .collect();
    ensure!(
        reloads.iter().any(|decision| decision == "failed")
            && reloads.iter().any(|decision| decision == "allowed"),
        "{reloads:?}"
    );
    Ok(())
}

/// A plugin host that cannot start refuses the whole reload: nothing of it may be in force.
#[tokio::test]
async fn a_refused_reload_changes_nothing() -> Result<()> {
    let prometheus = Prometheus::holding(SAMPLES).await?;
    let mut gateway = options([prometheus.url()])?.start().await?;
    let folder = gateway.folder().path().to_owned();
    fs::write(folder.join("state/compiled"), "in the way of the plugins' cache")?;
    let mut settings: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("bartizan.yaml"))?)?;
    settings["plugins"] = serde_json::json!([{ "name": "first", "file": "first.wasm" }]);
    fs::write(folder.join("bartizan.yaml"), settings.to_string())?;
    // Last: whenever the files are looked at, the plugin is there.
    fs::write(folder.join("policy.yaml"), POLICY.replace("'{team=\"payments\"}'", "'{}'"))?;
    gateway.process().says("new settings are refused", Duration::from_secs(10)).await?;
    gateway.process().signal("HUP")?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(shown(&gateway, "bo").await? == 1, "the wider policy is in force although it was refused");
    Ok(())
}

#[tokio::test]
async fn no_request_is_lost_while_settings_are_reloaded() -> Result<()> {
    let prometheus = Prometheus::holding(SAMPLES).await?;
    let gateway = options([prometheus.url()])?.start().await?;
    let settings = gateway.folder().path().join("bartizan.yaml");
    for round in 0..60 {
        if round % 10 == 0 {
            let text = fs::read_to_string(&settings)?;
            fs::write(&settings, format!("{text}\n"))?;
        }
        ensure!(shown(&gateway, "bo").await? == 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[tokio::test]
async fn termination_finishes_what_is_in_flight_and_the_audit_log_is_whole() -> Result<()> {
    let prometheus = Prometheus::holding(SAMPLES).await?;
    let mut gateway = options([prometheus.url()])?.start().await?;
    for _ in 0..20 {
        shown(&gateway, "bo").await?;
    }
    gateway.process().signal("TERM")?;
    let ended = gateway.process().wait(Duration::from_secs(20)).await?;
    ensure!(ended.success(), "{ended}");
    let records = gateway.audit()?;
    let queries: Vec<_> = records.iter().filter(|record| record["backend"] == "prometheus").collect();
    ensure!(queries.len() == 20, "{} records", queries.len());
    let last = queries[19];
    ensure!(
        last["user"] == "bo" && last["roles"][0] == "payments" && last["redacted"]["email"] == 1,
        "{last}"
    );
    ensure!(last["narrowed_query"].as_str().is_some_and(|query| query.contains("team=~")), "{last}");
    let file = gateway.folder().path().join("audit.jsonl");
    let verify = |expected: bool| -> Result<()> {
        let done = std::process::Command::new(support::repository::program()?)
            .args(["audit", "verify"])
            .arg(&file)
            .output()?;
        ensure!(done.status.success() == expected, "{}", String::from_utf8_lossy(&done.stdout));
        Ok(())
    };
    verify(true)?;
    let text = fs::read_to_string(&file)?;
    fs::write(&file, text.replacen("\"user\":\"bo\"", "\"user\":\"cy\"", 1))?;
    verify(false)
}
