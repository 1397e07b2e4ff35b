//! Two real Alertmanagers that gossip with each other.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::client;
use crate::ports::free_port;
use crate::process::{Folder, Process};

const PACKAGE: &str = "Debian's package prometheus-alertmanager";
const NOBODY: &str = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";

/// A cluster of two.
#[derive(Debug)]
pub struct Alertmanagers {
    members: Vec<(Process, u16)>,
    _folder: Folder,
}

impl Alertmanagers {
    /// Starts two that tell nobody, and waits until both answer.
    pub async fn start() -> Result<Alertmanagers> {
        Alertmanagers::with_config(NOBODY).await
    }

    /// The same with a configuration of the test's own.
    pub async fn with_config(yaml: &str) -> Result<Alertmanagers> {
        let folder = Folder::new()?;
        let config = folder.write("alertmanager.yml", yaml)?;
        let gossip = [free_port(), free_port()];
        let mut members = Vec::new();
        for own in 0..gossip.len() {
            let port = free_port();
            let name = format!("alertmanager-{own}");
            let arguments = [
                format!("--config.file={}", config.display()),
                format!("--storage.path={}", folder.path().join(format!("data-{own}")).display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
                "--web.route-prefix=/alertmanager".to_owned(),
                format!("--cluster.listen-address=127.0.0.1:{}", gossip[own]),
                format!("--cluster.peer=127.0.0.1:{}", gossip[1 - own]),
                "--cluster.settle-timeout=2s".to_owned(),
                "--cluster.gossip-interval=50ms".to_owned(),
            ];
            let process =
                Process::start(&name, "prometheus-alertmanager", PACKAGE, arguments, folder.path())?;
            members.push((process, port));
        }
        for (process, port) in &mut members {
            process.answers(&client::plain(), &format!("{}/-/ready", address(*port))).await?;
        }
        Ok(Alertmanagers { members, _folder: folder })
    }

    /// Their base addresses, to which `/api/v2/alerts` can be appended.
    pub fn urls(&self) -> Vec<String> {
        self.members.iter().map(|(_, port)| address(*port)).collect()
    }

    /// One of the programs, to be killed or started again.
    pub fn process(&mut self, member: usize) -> &mut Process {
        &mut self.members[member].0
    }

    /// Posts alerts (the JSON array of API v2) to both, as Prometheus does.
    pub async fn post(&self, alerts: &serde_json::Value) -> Result<()> {
        for url in self.urls() {
            let request = client::plain().post(format!("{url}/api/v2/alerts"));
            let request = request.header("content-type", "application/json").timeout(Duration::from_secs(10));
            let response = request.body(alerts.to_string()).send().await?;
            response.error_for_status().context("Alertmanager does not take the alerts")?;
        }
        Ok(())
    }
}

fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}/alertmanager")
}
