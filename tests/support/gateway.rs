//! The built gateway, with settings, policy, users and certificates of the test's own.
//!
//! ```ignore
//! let prometheus = Prometheus::holding(samples).await?;
//! let gateway = Options::new()?
//!     .backend("prometheus", "prometheus", [prometheus.url()])
//!     .policy(POLICY)
//!     .user("bo", "payments")
//!     .start()
//!     .await?;
//! let answer = gateway.get("bo", "/prometheus/api/v1/query?query=up").await?;
//! ```

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::certificates::Authority;
use crate::client;
use crate::ports::free_row;
use crate::process::{Folder, Process};
use crate::repository::program;
use crate::tokens::{Signer, claims};

/// The issuer of the tokens that [`Gateway::token`] makes.
pub const ISSUER: &str = "https://issuer.example.com/";
/// Their audience.
pub const AUDIENCE: &str = "bartizan";
/// The password of every user that [`Options::user`] makes.
pub const PASSWORD: &str = "correct horse battery staple";

/// What a gateway is started with. Everything has a default but the backends.
pub struct Options {
    folder: Folder,
    authority: Authority,
    signer: Signer,
    ports: u16,
    settings: Value,
    policy: String,
    groups: Vec<(String, String)>,
}

impl Options {
    /// A gateway without backends, whose policy grants nothing.
    pub fn new() -> Result<Options> {
        let folder = Folder::new()?;
        let authority = Authority::new()?;
        let signer = Signer::new("test")?;
        let server = authority.server(&["localhost", "127.0.0.1", "::1"])?;
        folder.write("server.pem", &server.certificate)?;
        folder.write("server.key", &server.key)?;
        folder.write("jwks.json", signer.key_set().to_string())?;
        let ports = free_row(2);
        let settings = json!({
            "listen": {
                "address": format!("127.0.0.1:{ports}"),
                "certificates": [{ "certificate": "server.pem", "key": "server.key" }],
            },
            "admin": format!("127.0.0.1:{}", ports + 1),
            "state": "state",
            "policy": "policy.yaml",
            "audit": { "file": "audit.jsonl" },
            "identity": {
                "issuers": [{ "issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": ["RS256"], "jwks_file": "jwks.json" }],
            },
            "backends": {},
        });
        let policy = "roles: {}\nbindings: []\n".to_owned();
        Ok(Options { folder, authority, signer, ports, settings, policy, groups: Vec::new() })
    }

    /// A backend of a kind, with its replicas' base addresses.
    #[must_use]
    pub fn backend(self, name: &str, kind: &str, replicas: impl IntoIterator<Item = String>) -> Self {
        let replicas: Vec<String> = replicas.into_iter().collect();
        self.set(
            &["backends", name],
            json!({ "kind": kind, "replicas": replicas, "health": { "interval": "200ms" } }),
        )
    }

    /// The policy file.
    #[must_use]
    pub fn policy(mut self, yaml: impl Into<String>) -> Self {
        self.policy = yaml.into();
        self
    }

    /// A built-in user with [`PASSWORD`], in one group.
    #[must_use]
    pub fn user(mut self, name: &str, group: &str) -> Self {
        self.groups.push((name.to_owned(), group.to_owned()));
        self.set(&["identity", "users"], json!("users.yaml"))
    }

    /// Sets any place of the settings, such as `&["listen", "limits", "idle_timeout"]`.
    #[must_use]
    pub fn set(mut self, place: &[&str], value: Value) -> Self {
        let target = place.iter().fold(&mut self.settings, |section, key| &mut section[*key]);
        *target = value;
        self
    }

    /// A plugin: an entry of the settings' list.
    #[must_use]
    pub fn plugin(mut self, plugin: Value) -> Self {
        match &mut self.settings["plugins"] {
            Value::Array(plugins) => plugins.push(plugin),
            absent => *absent = json!([plugin]),
        }
        self
    }

    /// The folder in which the settings will stand; files that they name can be put there.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Who signs the certificates: for other ones, or a client's.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Writes the files without starting anything, and says where the settings are.
    pub fn write(&self) -> Result<PathBuf> {
        self.folder.write("policy.yaml", &self.policy)?;
        for (user, group) in &self.groups {
            add_user(self.folder.path(), user, group)?;
        }
        self.folder.write("bartizan.yaml", serde_json::to_string_pretty(&self.settings)?)
    }

    /// Starts it, and waits until it is ready.
    pub async fn start(self) -> Result<Gateway> {
        let settings = self.write()?;
        let arguments = ["serve".to_owned(), "--config".to_owned(), settings.display().to_string()];
        let process = Process::start("gateway", program()?, "the program", arguments, self.folder.path())?;
        let client = client::trusting(self.authority.pem())?;
        let Options { folder, authority, signer, ports, groups, .. } = self;
        let mut gateway = Gateway { process, folder, authority, signer, ports, groups, client };
        gateway.ready().await?;
        Ok(gateway)
    }
}

/// A running gateway.
pub struct Gateway {
    process: Process,
    folder: Folder,
    authority: Authority,
    signer: Signer,
    ports: u16,
    groups: Vec<(String, String)>,
    client: reqwest::Client,
}

impl Gateway {
    /// Its address over TLS, without a slash at the end.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports)
    }

    /// The same for raw connections.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports))
    }

    /// The admin listener's address, without a slash at the end.
    pub fn admin(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports + 1)
    }

    /// A client that trusts it.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Its certificate authority.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The program, to be signalled, killed or asked for its log.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The folder with its settings (`bartizan.yaml`), `policy.yaml`, `users.yaml`, `audit.jsonl` and `state/`.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Waits until it is ready, after it has been started again.
    pub async fn ready(&mut self) -> Result<()> {
        let url = format!("{}/-/ready", self.admin());
        self.process.answers(&client::plain(), &url).await
    }

    /// Who signs the tokens that it believes.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// A bearer token for a user that [`Options::user`] made, or for anybody in no group.
    pub fn token(&self, user: &str) -> Result<String> {
        let groups: Vec<&str> =
            self.groups.iter().filter(|(name, _)| name == user).map(|(_, group)| group.as_str()).collect();
        self.signer.sign(&claims(ISSUER, AUDIENCE, user, &groups))
    }

    /// GET as somebody, by bearer token. `path` begins with `/`.
    pub async fn get(&self, user: &str, path: &str) -> Result<reqwest::Response> {
        Ok(self.client.get(format!("{}{path}", self.url())).bearer_auth(self.token(user)?).send().await?)
    }

    /// The same, for an answer that has to be 200 and JSON.
    pub async fn json(&self, user: &str, path: &str) -> Result<Value> {
        let response = self.get(user, path).await?;
        let status = response.status();
        let body = response.bytes().await?;
        ensure!(status == 200, "{user} at {path}: {status} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).with_context(|| format!("{user} at {path}: the body is no JSON"))
    }

    /// The audit log so far, a record a line.
    pub fn audit(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(self.folder.path().join("audit.jsonl"))?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

/// `bartizan user add` with [`PASSWORD`].
fn add_user(folder: &Path, user: &str, group: &str) -> Result<()> {
    let mut adding = Command::new(program()?)
        .args(["user", "add", user, "--group", group, "--password-stdin", "--users"])
        .arg(folder.join("users.yaml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    adding
        .stdin
        .take()
        .context("no pipe to `bartizan user add`")?
        .write_all(format!("{PASSWORD}\n").as_bytes())?;
    ensure!(adding.wait()?.success(), "`bartizan user add {user}` failed");
    Ok(())
}
