//! The portal as a person meets it: a real browser, a real gateway, a real Prometheus.
//!
//! Screenshots are kept in `target/screenshots/`, to be looked at.

mod browser;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use browser::Browser;
use serde_json::json;
use support::gateway::{Gateway, Options, PASSWORD};
use support::prometheus::Prometheus;
use support::repository::root;

const POLICY: &str = r#"
roles:
  admin:
    grants:
      - {backend: prometheus, actions: ['*'], selectors: ['{}']}
      - {backend: gateway, actions: ['*'], selectors: ['{}']}
  payments:
    grants:
      - backend: prometheus
        actions: [read]
        selectors: ['{team="payments"}']
        redact: [email, card, iban, phone, ip]
bindings:
  - {role: admin, groups: [admins]}
  - {role: payments, groups: [payments]}
"#;

const SAMPLES: &str = "\
# TYPE payment_transactions counter
payment_transactions_total{team=\"payments\",service=\"payment\",customer=\"jo@example.com\"} 7 1700000000
payment_transactions_total{team=\"walks\",service=\"booking\",customer=\"al@example.com\"} 9 1700000000
# EOF
";

/// The key codes of WebDriver (section 17.4.2).
const TAB: &str = "\u{E004}";
const ENTER: &str = "\u{E007}";

fn pictures() -> Result<PathBuf> {
    let folder = root().join("target/screenshots");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

async fn started() -> Result<(Prometheus, Gateway)> {
    let prometheus = Prometheus::holding(SAMPLES).await?;
    let gateway = Options::new()?
        .backend("prometheus", "prometheus", [prometheus.url(), "http://127.0.0.1:1".to_owned()])
        .policy(POLICY)
        .user("ada", "admins")
        .user("bo", "payments")
        .user("eve", "nobody")
        .plugin(json!({ "name": "company", "file": "missing.wasm" }))
        .start()
        .await?;
    Ok((prometheus, gateway))
}

async fn sign_in(browser: &Browser, gateway: &Gateway, user: &str) -> Result<()> {
    browser.open(&format!("{}/", gateway.url())).await?;
    browser.type_into("#user", user).await?;
    browser.type_into("#password", PASSWORD).await?;
    browser.click("form button").await?;
    browser.reads("Good to see you").await.map(drop)
}

#[tokio::test]
async fn a_person_signs_in_by_keyboard_alone_and_comes_back_to_where_they_wanted_to_go() -> Result<()> {
    let (_prometheus, gateway) = started().await?;
    let browser = Browser::start(false).await?;
    browser.open(&format!("{}/-/me", gateway.url())).await?;
    let text = browser.reads("Sign in to monitoring").await?;
    ensure!(!text.contains("Prometheus"), "nothing is told before the login:\n{text}");
    browser.screenshot(&pictures()?.join("login.png")).await?;
    // The name has the focus already.
    browser.press(&["b", "o", TAB]).await?;
    browser.press(&PASSWORD.split("").filter(|key| !key.is_empty()).collect::<Vec<_>>()).await?;
    browser.press(&[ENTER]).await?;
    let text = browser.reads("What you may see, and why").await?;
    ensure!(browser.url().await?.ends_with("/-/me"), "at {}", browser.url().await?);
    for part in ["bo", "payments", "{team=\"payments\"}", "email, card, iban, phone, ip", "read"] {
        ensure!(text.contains(part), "{part} is missing:\n{text}");
    }
    browser.screenshot(&pictures()?.join("me.png")).await
}

#[tokio::test]
async fn a_wrong_password_says_so_and_keeps_the_name() -> Result<()> {
    let (_prometheus, gateway) = started().await?;
    let browser = Browser::start(false).await?;
    browser.open(&format!("{}/-/login", gateway.url())).await?;
    browser.type_into("#user", "bo").await?;
    browser.type_into("#password", "wrong password").await?;
    browser.click("form button").await?;
    browser.reads("do not fit").await?;
    ensure!(browser.run("return document.querySelector('#user').value").await? == "bo");
    browser.screenshot(&pictures()?.join("login-refused.png")).await
}

#[tokio::test]
async fn the_home_page_shows_what_is_open_with_its_health() -> Result<()> {
    let (mut prometheus, gateway) = started().await?;
    let light = Browser::start(false).await?;
    sign_in(&light, &gateway, "ada").await?;
    light.reads("1 of 2 replicas").await?;
    light.screenshot(&pictures()?.join("home.png")).await?;
    prometheus.process().kill();
    // The page follows by itself.
    light.reads("not reachable").await?;
    light.screenshot(&pictures()?.join("home-down.png")).await?;

    let dark = Browser::start(true).await?;
    sign_in(&dark, &gateway, "bo").await?;
    let text = dark.text().await?;
    ensure!(text.contains("{team=\"payments\"}") && !text.contains("Plugins"), "{text}");
    let ground = dark.run("return getComputedStyle(document.body).backgroundColor").await?;
    ensure!(ground == "rgb(17, 22, 29)", "the dark scheme is followed: {ground}");
    dark.screenshot(&pictures()?.join("home-dark.png")).await
}

#[tokio::test]
async fn somebody_without_roles_sees_whom_to_ask_and_nothing_else() -> Result<()> {
    let (_prometheus, gateway) = started().await?;
    let browser = Browser::start(false).await?;
    sign_in(&browser, &gateway, "eve").await?;
    let text = browser.text().await?;
    ensure!(text.contains("Ask whoever keeps") && !text.contains("rometheus"), "{text}");
    browser.open(&format!("{}/prometheus/graph", gateway.url())).await?;
    let text = browser.reads("This is not open to you").await?;
    ensure!(text.contains("Request id"), "{text}");
    browser.screenshot(&pictures()?.join("denied.png")).await
}

#[tokio::test]
async fn the_plugins_page_tells_why_a_plugin_does_not_run() -> Result<()> {
    let (_prometheus, gateway) = started().await?;
    let browser = Browser::start(false).await?;
    sign_in(&browser, &gateway, "ada").await?;
    browser.open(&format!("{}/-/plugins", gateway.url())).await?;
    let text = browser.reads("company").await?;
    ensure!(text.contains("refused"), "{text}");
    browser.screenshot(&pictures()?.join("plugins.png")).await?;
    ensure!(gateway.get("bo", "/-/plugins").await?.status() == 403);
    Ok(())
}

#[tokio::test]
async fn signing_out_ends_the_session() -> Result<()> {
    let (_prometheus, gateway) = started().await?;
    let browser = Browser::start(false).await?;
    sign_in(&browser, &gateway, "bo").await?;
    browser.click("header form button").await?;
    browser.reads("Sign in to monitoring").await?;
    browser.open(&format!("{}/", gateway.url())).await?;
    browser.reads("Sign in to monitoring").await.map(drop)
}

#[tokio::test]
async fn pages_run_under_a_policy_that_allows_no_foreign_or_inline_code() -> Result<()> {
    let (_prometheus, gateway) = started().await?;
    let browser = Browser::start(false).await?;
    sign_in(&browser, &gateway, "ada").await?;
    let inline = "const s = document.createElement('script'); s.textContent = 'window.ran = true'; document.body.append(s); return window.ran === true";
    ensure!(browser.run(inline).await? == false, "an inline script ran");
    let outside = browser
        .run("return performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith(location.origin))")
        .await?;
    ensure!(outside == json!([]), "assets of others: {outside}");
    let policy = gateway.get("ada", "/").await?.headers()["content-security-policy"].to_str()?.to_owned();
    ensure!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    Ok(())
}
