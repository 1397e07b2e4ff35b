//! What the tests of the plugin host share: the built guests, waiting, a small HTTP server.

#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bartizan_plugin::{HostSettings, HttpGrant, PluginHost, PluginSettings, PluginStatus};
use serde_json::Value;

/// A guest that `plugins/build` made. A test without guests would prove nothing, so it fails.
pub(crate) fn guest(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests").join(name);
    assert!(path.is_file(), "{} is not there: run plugins/build", path.display());
    path
}

/// A folder, a cache in it, and a host.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) host: PluginHost,
}

impl Bench {
    pub(crate) fn new(plugins: impl FnOnce(&Path) -> Vec<PluginSettings>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let plugins = plugins(folder.path());
        let settings = HostSettings { cache: Some(folder.path().join("cache")), ..HostSettings::default() };
        Self { host: PluginHost::start(plugins, settings).unwrap(), folder }
    }

    pub(crate) fn status(&self, name: &str) -> PluginStatus {
        self.host.status().into_iter().find(|status| status.name == name).unwrap()
    }

    /// Waits until the plugin's status is as wanted.
    #[track_caller]
    pub(crate) fn wait(
        &self,
        name: &str,
        what: &str,
        wanted: impl Fn(&PluginStatus) -> bool,
    ) -> PluginStatus {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let status = self.host.status().into_iter().find(|status| status.name == name);
            match status {
                Some(status) if wanted(&status) => return status,
                _ if Instant::now() > end => panic!("{name} did not become {what}: {status:#?}"),
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// One scrape as text.
    pub(crate) fn scrape(&self) -> String {
        self.host.render(None).1
    }

    /// The value of a series, written as in the text format.
    pub(crate) fn series(&self, series: &str) -> Option<f64> {
        let scrape = self.scrape();
        let line = scrape.lines().find(|line| line.starts_with(series))?;
        line.rsplit(' ').next()?.parse().ok()
    }
}

/// The hostile guest with a behaviour.
pub(crate) fn hostile(name: &str, file: &Path, settings: Value) -> PluginSettings {
    let mut plugin = PluginSettings::new(name, file);
    plugin.settings = settings;
    plugin.interval = Duration::from_secs(1);
    plugin.timeout = Duration::from_secs(1);
    plugin.http = vec![HttpGrant { origin: "http://127.0.0.1:1".to_owned(), private: false }];
    plugin
}

/// Puts a file in place in one step, as a deployment should.
pub(crate) fn deploy(from: &Path, to: &Path) {
    let fresh = to.with_extension("fresh");
    std::fs::copy(from, &fresh).unwrap();
    std::fs::rename(&fresh, to).unwrap();
}

/// Answers every request with what `answer` gives for its path, whole response included. Ends with the process.
pub(crate) fn server(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            let _ = reader.read_line(&mut first);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 2) {
                line.clear();
            }
            let path = first.split(' ').nth(1).unwrap_or("/");
            let _ = stream.write_all(&answer(path));
        }
    });
    port
}

/// A complete answer that ends the connection.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}
