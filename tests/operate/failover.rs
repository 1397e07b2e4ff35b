//! One of two replicas is killed under load: no read fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use support::prometheus::Prometheus;
use tokio::task::JoinSet;

use super::{AT, SAMPLES, options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replica_fails_no_read_and_comes_back() -> Result<()> {
    let mut first = Prometheus::holding(SAMPLES).await?;
    let second = Prometheus::holding(SAMPLES).await?;
    let gateway = options([first.url(), second.url()])?.start().await?;
    let url = format!("{}/prometheus/api/v1/query?query=sold&{AT}", gateway.url());
    let token = gateway.token("bo")?;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut readers = JoinSet::new();
    for _ in 0..8 {
        let (client, url, token) = (gateway.client().clone(), url.clone(), token.clone());
        let (stop, done) = (stop.clone(), done.clone());
        readers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let response = client.get(&url).bearer_auth(&token).send().await?;
                let status = response.status();
                let body = response.text().await?;
                ensure!(status == 200 && body.contains("payments"), "{status}: {body}");
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = done.load(Ordering::Relaxed);
    first.process().kill();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let without = done.load(Ordering::Relaxed);
    first.process().start_again()?;
    first.ready().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(reader) = readers.join_next().await {
        reader??;
    }
    ensure!(before > 0 && without > before, "requests were made before ({before}) and after ({without})");
    let metrics =
        support::client::plain().get(format!("{}/metrics", gateway.admin())).send().await?.text().await?;
    let up = |url: &str| {
        metrics.lines().any(|line| line.contains("replica_up") && line.contains(url) && line.ends_with(" 1"))
    };
    ensure!(up(&first.url()) && up(&second.url()), "both are asked again:\n{metrics}");
    Ok(())
}

#[tokio::test]
async fn all_replicas_down_is_a_clear_answer_and_no_lasting_harm() -> Result<()> {
    let mut only = Prometheus::holding(SAMPLES).await?;
    let gateway = options([only.url()])?.start().await?;
    let path = format!("/prometheus/api/v1/query?query=sold&{AT}");
    only.process().kill();
    let response = gateway.get("bo", &path).await?;
    ensure!(response.status() == 503 || response.status() == 502, "{}", response.status());
    let body = response.text().await?;
    ensure!(body.contains("cannot be reached") && !body.contains(&only.url()), "{body}");
    only.process().start_again()?;
    only.ready().await?;
    for _ in 0..100 {
        if gateway.get("bo", &path).await?.status() == 200 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the backend is back, but reads still fail")
}
