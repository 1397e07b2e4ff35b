//! A real Prometheus: with a configuration of the test's own, or with a store that holds given samples and nothing else.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::client;
use crate::ports::free_port;
use crate::process::{Folder, Process, output};

const PACKAGE: &str = "Debian's package prometheus";

/// What a Prometheus is started with.
#[derive(Debug, Default, Clone)]
pub struct Options {
    config: String,
    samples: Option<String>,
}

impl Options {
    /// `prometheus.yml`; empty scrapes nothing.
    #[must_use]
    pub fn config(mut self, yaml: impl Into<String>) -> Self {
        self.config = yaml.into();
        self
    }

    /// Samples in OpenMetrics, each with its time in seconds. The closing `# EOF` is added where it is missing.
    #[must_use]
    pub fn samples(mut self, openmetrics: impl Into<String>) -> Self {
        self.samples = Some(openmetrics.into());
        self
    }

    /// Starts it, and waits until it answers.
    pub async fn start(self) -> Result<Prometheus> {
        let folder = Folder::new()?;
        let config = folder.write("prometheus.yml", &self.config)?;
        let data = folder.path().join("data");
        if let Some(samples) = &self.samples {
            create_blocks(&folder, samples, &data)?;
        }
        let port = free_port();
        let arguments = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", data.display()),
            "--storage.tsdb.retention.time=100y".to_owned(),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--web.route-prefix=/prometheus".to_owned(),
            "--web.enable-lifecycle".to_owned(),
            "--web.enable-admin-api".to_owned(),
            "--enable-feature=exemplar-storage,native-histograms".to_owned(),
        ];
        let process = Process::start("prometheus", "prometheus", PACKAGE, arguments, folder.path())?;
        let mut server = Prometheus { process, port, folder };
        server.ready().await?;
        Ok(server)
    }
}

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    port: u16,
    folder: Folder,
}

impl Prometheus {
    /// One that scrapes nothing and holds `samples` (OpenMetrics).
    pub async fn holding(samples: impl Into<String>) -> Result<Prometheus> {
        Options::default().samples(samples).start().await
    }

    /// Its base address, to which `/api/v1/query` can be appended.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/prometheus", self.port)
    }

    /// The program, to be killed, started again, or asked for its log.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The folder with its configuration and data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until it answers, after it has been started again.
    pub async fn ready(&mut self) -> Result<()> {
        let url = format!("{}/-/ready", self.url());
        self.process.answers(&client::plain(), &url).await
    }
}

fn create_blocks(folder: &Folder, samples: &str, data: &Path) -> Result<()> {
    let text = samples.trim_end();
    let text = format!("{}\n# EOF\n", text.strip_suffix("# EOF").unwrap_or(text).trim_end());
    let file = folder.write("samples.openmetrics", text)?;
    let mut promtool = Command::new("promtool");
    promtool.args(["--", "tsdb", "create-blocks-from", "openmetrics"]).arg(&file).arg(data);
    output(PACKAGE, &mut promtool).context("promtool does not take the samples")?;
    Ok(())
}
