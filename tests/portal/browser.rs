//! A headless Chromium, driven by the WebDriver protocol (W3C WebDriver level 2) through chromedriver.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::client;
use support::ports::free_port;
use support::process::{Folder, Process};

/// The key under which WebDriver returns an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Chromium talks to nobody but us.
const ARGUMENTS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,800",
];

/// A browser with one window; it ends with this value.
pub(crate) struct Browser {
    client: reqwest::Client,
    session: String,
    // Dropped last: chromedriver takes its browser along.
    _driver: Process,
    _folder: Folder,
}

impl Browser {
    /// Starts one, in the dark or the light colour scheme.
    pub(crate) async fn start(dark: bool) -> Result<Browser> {
        let folder = Folder::new()?;
        let port = free_port();
        let mut driver = Process::start(
            "chromedriver",
            "chromedriver",
            "chromium-driver",
            [format!("--port={port}")],
            folder.path(),
        )?;
        let client = client::plain();
        let base = format!("http://127.0.0.1:{port}");
        driver.answers(&client, &format!("{base}/status")).await?;
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", folder.path().join("profile").display()));
        if dark {
            arguments.push("--blink-settings=preferredColorScheme=0".into());
        }
        let options = json!({ "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "acceptInsecureCerts": true, "goog:chromeOptions": options } } });
        let made = call(client.post(format!("{base}/session")).body(wanted.to_string()))
            .await
            .context("no browser")?;
        let id = made["sessionId"].as_str().context("no session")?;
        Ok(Browser { client, session: format!("{base}/session/{id}"), _driver: driver, _folder: folder })
    }

    /// Opens an address.
    pub(crate) async fn open(&self, url: &str) -> Result<()> {
        self.post("/url", json!({ "url": url })).await.map(drop)
    }

    /// Where the browser is.
    pub(crate) async fn url(&self) -> Result<String> {
        Ok(self.get("/url").await?.as_str().unwrap_or_default().to_owned())
    }

    /// Types into an element.
    pub(crate) async fn type_into(&self, css: &str, text: &str) -> Result<()> {
        let element = self.find(css).await?;
        self.post(&format!("/element/{element}/value"), json!({ "text": text })).await.map(drop)
    }

    /// Types to whatever has the focus, as a person with a keyboard alone does.
    pub(crate) async fn press(&self, keys: &[&str]) -> Result<()> {
        let strokes: Vec<Value> = keys
            .iter()
            .flat_map(|key| {
                [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
            })
            .collect();
        self.post("/actions", json!({ "actions": [{ "type": "key", "id": "keys", "actions": strokes }] }))
            .await
            .map(drop)
    }

    /// Clicks an element.
    pub(crate) async fn click(&self, css: &str) -> Result<()> {
        let element = self.find(css).await?;
        self.post(&format!("/element/{element}/click"), json!({})).await.map(drop)
    }

    /// Runs a function's body in the page and returns its value.
    pub(crate) async fn run(&self, script: &str) -> Result<Value> {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// The text that a person reads.
    pub(crate) async fn text(&self) -> Result<String> {
        Ok(self.run("return document.body.innerText").await?.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the page's text holds `part`.
    pub(crate) async fn reads(&self, part: &str) -> Result<String> {
        let mut text = String::new();
        for _ in 0..100 {
            text = self.text().await.unwrap_or_default();
            if text.contains(part) {
                return Ok(text);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("`{part}` does not appear at {}; the page reads:\n{text}", self.url().await?)
    }

    /// Keeps a picture of the window.
    pub(crate) async fn screenshot(&self, file: &Path) -> Result<()> {
        let picture = self.get("/screenshot").await?;
        let bytes = STANDARD.decode(picture.as_str().context("no picture")?)?;
        Ok(std::fs::write(file, bytes)?)
    }

    /// The address of chromedriver, and the session's path there.
    fn place(&self) -> Option<(&str, &str)> {
        let rest = self.session.strip_prefix("http://")?;
        rest.split_at_checked(rest.find('/')?)
    }

    async fn find(&self, css: &str) -> Result<String> {
        let found = self.post("/element", json!({ "using": "css selector", "value": css })).await;
        let found = found.with_context(|| format!("no element {css}"))?;
        Ok(found[ELEMENT].as_str().context("no element")?.to_owned())
    }

    async fn get(&self, path: &str) -> Result<Value> {
        call(self.client.get(format!("{}{path}", self.session))).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        call(self.client.post(format!("{}{path}", self.session)).body(body.to_string())).await
    }
}

/// chromedriver is killed, which would leave its browser behind: so the session is ended first.
impl Drop for Browser {
    fn drop(&mut self) {
        let Some((address, path)) = self.place() else { return };
        let Ok(mut stream) = TcpStream::connect(address) else { return };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let _ = write!(stream, "DELETE {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let _ = stream.read(&mut [0; 512]);
    }
}

async fn call(request: reqwest::RequestBuilder) -> Result<Value> {
    let response = request.timeout(Duration::from_secs(60)).send().await?;
    let status = response.status();
    let mut answer: Value = serde_json::from_slice(&response.bytes().await?)?;
    if !status.is_success() {
        bail!("WebDriver: {}", answer["value"]["message"].as_str().unwrap_or("no reason"));
    }
    Ok(answer["value"].take())
}
