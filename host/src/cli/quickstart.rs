//! `bartizan serve --backend URL`: from nothing to a working gateway, with files that can be grown from there.
//!
//! Finds out what the backend is, makes a certificate for this machine, one login that sees everything, a
//! policy, and the settings that name them. What is already in the folder is kept.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bartizan_access::identity::Users;
use bartizan_backend::Kind;
use bartizan_backend::upstream::Replica;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use ring::rand::{SecureRandom, SystemRandom};

use crate::settings::Settings;

const USER: &str = "admin";
/// How long a backend may take to say what it is.
const PROBE: Duration = Duration::from_secs(3);

/// What was made, and what is to be told.
pub(super) struct Quickstart {
    pub(super) config: PathBuf,
    folder: PathBuf,
    password: Option<String>,
    backends: Vec<Found>,
}

struct Found {
    name: String,
    kind: Kind,
    url: String,
}

/// Makes what is missing in the folder.
pub(super) fn prepare(urls: &[String], listen: SocketAddr, folder: &Path) -> Result<Quickstart> {
    let backends = find_all(urls)?;
    crate::serve::make_private_folder(folder)?;
    certificate(folder, listen)?;
    let users = folder.join("users.yaml");
    let password = if users.exists() {
        None
    } else {
        let password = random_password()?;
        Users::put(&users, USER, &password, &["admins".to_owned()])?;
        Some(password)
    };
    let policy = folder.join("policy.yaml");
    if !policy.exists() {
        write_private(&policy, &policy_text(&backends))?;
    }
    // The command line says what is served, so the settings follow it each time.
    let config = folder.join("bartizan.yaml");
    write_private(&config, &settings_text(&backends, listen))?;
    Ok(Quickstart { config, folder: folder.to_owned(), password, backends })
}

impl Quickstart {
    /// Says how to get in and how to go on.
    pub(super) fn announce(&self, settings: &Settings) {
        let address = settings.listener.address;
        println!("\nBartizan serves https://{address}");
        for found in &self.backends {
            println!("  {} ({}) at https://{address}/{}/", found.url, found.kind.name(), found.name);
        }
        match &self.password {
            Some(password) => println!(
                "\n  Sign in as {USER} with {password}\n  This is shown once; `bartizan user add` sets another."
            ),
            None => {
                let users = self.folder.join("users.yaml");
                println!(
                    "\n  Sign in as before. Forgotten? bartizan user add --users {} --group admins {USER}",
                    users.display()
                );
            }
        }
        for found in self.backends.iter().filter(|found| found.has_pages_of_its_own()) {
            println!("\nFor the pages of {} itself, start it with", found.kind.name());
            println!("  --web.external-url=https://{address}/{}/ --web.route-prefix=/", found.name);
        }
        let ca = self.folder.join("ca.pem");
        println!("\nThe certificate is for this machine alone. Trust it with {}, such as", ca.display());
        println!("  curl --cacert {} -u {USER} https://{address}/", ca.display());
        println!("Its own metrics are at http://{}/metrics.", settings.admin);
        println!(
            "\nGo on from here: the settings, the policy and the users are yours, in {}/.",
            self.folder.display()
        );
        println!("  Copy them, add backends, roles and people, and run `bartizan check` and");
        println!("  `bartizan serve --config FILE`. Changes are taken up while it runs.\n");
    }
}

impl Found {
    /// Whether it serves pages with absolute links, which it has to be told the address of.
    fn has_pages_of_its_own(&self) -> bool {
        matches!(self.kind, Kind::Prometheus | Kind::Alertmanager)
    }
}

fn find_all(urls: &[String]) -> Result<Vec<Found>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut backends: Vec<Found> = Vec::new();
    for url in urls {
        Replica::parse(url).with_context(|| format!("`{url}` is no address of a backend"))?;
        let url = url.trim_end_matches('/').to_owned();
        let kind = runtime.block_on(kind_of(&url))?;
        let same = backends.iter().filter(|found| found.kind == kind).count();
        let name = if same == 0 { kind.name().to_owned() } else { format!("{}-{}", kind.name(), same + 1) };
        backends.push(Found { name, kind, url });
    }
    Ok(backends)
}

/// Finds out what a backend is by the part of its API that only such a server has.
async fn kind_of(url: &str) -> Result<Kind> {
    let client = reqwest::Client::builder()
        .timeout(PROBE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .context("no HTTP client could be made")?;
    for (path, kind, sign) in [
        ("/api/v1/status/buildinfo", Kind::Prometheus, "goVersion"),
        ("/api/v2/status", Kind::Alertmanager, "versionInfo"),
    ] {
        let response = match client.get(format!("{url}{path}")).send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_timeout() => {
                bail!("{url} does not answer; start it first, or check the address")
            }
            Err(error) => return Err(error).with_context(|| format!("{url} does not answer as expected")),
        };
        if response.status().is_success() && response.text().await.is_ok_and(|text| text.contains(sign)) {
            return Ok(kind);
        }
    }
    Ok(Kind::Plain)
}

fn certificate(folder: &Path, listen: SocketAddr) -> Result<()> {
    let (ca_file, certificate_file, key_file) =
        (folder.join("ca.pem"), folder.join("server.pem"), folder.join("server.key"));
    if ca_file.exists() && certificate_file.exists() && key_file.exists() {
        return Ok(());
    }
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "Bartizan development CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // The CA's key is not kept: nobody can make another certificate that whoever trusts it would believe.
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !listen.ip().is_unspecified() && !listen.ip().is_loopback() {
        names.push(listen.ip().to_string());
    }
    let mut server = CertificateParams::new(names)?;
    server.distinguished_name.push(DnType::CommonName, "Bartizan");
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &ca)?;
    write_private(&key_file, &key.serialize_pem())?;
    write_private(&certificate_file, &certificate.pem())?;
    write_private(&ca_file, &ca.pem())
}

fn policy_text(backends: &[Found]) -> String {
    let mut text = String::from(
        "# Who may see what. Deny by default: what no grant shows does not exist for people.\n\
         roles:\n  admin:\n    description: Sees everything.\n    grants:\n      - {backend: gateway, actions: ['*'], selectors: ['{}']}\n",
    );
    for found in backends {
        text.push_str(&format!("      - {{backend: {}, actions: ['*'], selectors: ['{{}}']}}\n", found.name));
    }
    text.push_str(
        "\n  # A team that sees its own metrics, with personal data masked:\n  # payments:\n  #   grants:\n",
    );
    text.push_str("  #     - backend: prometheus\n  #       actions: [read]\n  #       selectors: ['{team=\"payments\"}']\n  #       redact: [email, card, iban, phone, ip]\n");
    text.push_str("\nbindings:\n  - {role: admin, groups: [admins]}\n");
    text
}

fn settings_text(backends: &[Found], listen: SocketAddr) -> String {
    let admin = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listen.port().checked_add(1).unwrap_or(0));
    let mut text = format!(
        "listen:\n  address: {listen}\n  certificates:\n    - {{certificate: server.pem, key: server.key}}\nadmin: {admin}\n\
         identity:\n  users: users.yaml\npolicy: policy.yaml\nbackends:\n"
    );
    for found in backends {
        text.push_str(&format!(
            "  {}:\n    kind: {}\n    replicas: [\"{}\"]\n",
            found.name,
            found.kind.name(),
            found.url
        ));
    }
    text
}

fn random_password() -> Result<String> {
    /// 32 letters that nobody mistakes for one another: five bits each.
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0; 20];
    SystemRandom::new().fill(&mut random).ok().context("the system gives no random bytes")?;
    Ok(random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    let write = || {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}
