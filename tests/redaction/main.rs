//! Personal data does not leave by accident, through the built program and a real Prometheus; and where nothing is
//! to be redacted or narrowed, not a byte changes.

mod hostile;

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, ETAG, RANGE};
use support::client;
use support::gateway::{Gateway, Options};
use support::prometheus::Prometheus;

const POLICY: &str = r#"
roles:
  all:
    grants:
      - {backend: prometheus, actions: ['*'], selectors: ['{}']}
  payments:
    grants:
      - backend: prometheus
        actions: [read]
        selectors: ['{team="payments"}']
        redact: [email, card, iban, phone, ip]
bindings:
  - {role: all, groups: [admins]}
  - {role: payments, groups: [payments]}
"#;

/// One of each kind, as label values; and what only looks like one.
const SAMPLES: &str = "\
# TYPE sold gauge
sold{team=\"payments\",customer=\"jo.doe@example.com\",card=\"4111 1111 1111 1111\",iban=\"DE89370400440532013000\",phone=\"+4915112345678\",client=\"203.0.113.7\"} 4111111111111111 1700000000
sold{team=\"payments\",customer=\"nobody\",trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\",version=\"v1.2.3\",instance=\"127.0.0.1:9090\"} 2 1700000000
sold{team=\"walks\",customer=\"al@example.com\"} 9 1700000000
# EOF
";

const SECRETS: [&str; 5] = ["jo.doe@", "4111 1111", "DE8937", "+49151", "203.0.113.7"];
const AT: &str = "time=1700000000";

async fn started() -> Result<(Prometheus, Gateway)> {
    started_with(SAMPLES.to_owned()).await
}

async fn started_with(samples: String) -> Result<(Prometheus, Gateway)> {
    let prometheus = Prometheus::holding(samples).await?;
    let gateway = Options::new()?
        .backend("prometheus", "prometheus", [prometheus.url()])
        .policy(POLICY)
        .user("ada", "admins")
        .user("bo", "payments")
        .start()
        .await?;
    Ok((prometheus, gateway))
}

/// Every way in which the values leave Prometheus' API.
const READS: [&str; 6] = [
    "/api/v1/query?query=sold&time=1700000000",
    "/api/v1/query_range?query=sold&start=1699999990&end=1700000010&step=5",
    "/api/v1/series?match[]=sold&start=1699990000&end=1700010000",
    "/api/v1/label/customer/values?start=1699990000&end=1700010000",
    "/api/v1/label/card/values?start=1699990000&end=1700010000",
    "/api/v1/query?query=count_values(%22n%22,sold)&time=1700000000",
];

#[tokio::test]
async fn no_value_of_any_kind_leaves_by_any_read() -> Result<()> {
    let (_prometheus, gateway) = started().await?;
    for read in READS {
        let whole = gateway.get("ada", &format!("/prometheus{read}")).await?.text().await?;
        ensure!(whole.contains("success"), "{read}: {whole}");
        let shown = gateway.get("bo", &format!("/prometheus{read}")).await?.text().await?;
        serde_json::from_str::<serde_json::Value>(&shown)
            .with_context(|| format!("{read} is no JSON: {shown}"))?;
        for secret in SECRETS {
            ensure!(!shown.contains(secret), "{read} shows {secret}: {shown}");
        }
        ensure!(!shown.contains("al@example.com") && !shown.contains("walks"), "{read}: {shown}");
    }
    let query = gateway.get("bo", &format!("/prometheus{}", READS[0])).await?.text().await?;
    for kept in [
        "[email]",
        "[card]",
        "[iban]",
        "[phone]",
        "[ip]",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "v1.2.3",
        "127.0.0.1:9090",
        "\"4111111111111111\"",
    ] {
        ensure!(query.contains(kept), "{kept} is missing: {query}");
    }
    Ok(())
}

/// A value that is taken apart, or grown into its neighbour, is no longer recognised.
#[tokio::test]
async fn functions_that_take_values_apart_are_not_available() -> Result<()> {
    let (_prometheus, gateway) = started().await?;
    for query in [
        "label_replace(sold,%22x%22,%22$1%20AT%20$2%22,%22customer%22,%22(.*)@(.*)%22)",
        "label_join(sold,%22x%22,%22_%22,%22iban%22,%22team%22)",
        "sum(label_replace%20(sold,%22x%22,%22$1%22,%22card%22,%22(.{4}).*%22))by(x)",
    ] {
        let path = format!("/prometheus/api/v1/query?query={query}&{AT}");
        ensure!(gateway.get("ada", &path).await?.status() == 200, "{query}");
        let refused = gateway.get("bo", &path).await?;
        let (status, text) = (refused.status(), refused.text().await?);
        ensure!(status == 403 && text.contains("label_replace"), "{query}: {status} {text}");
    }
    Ok(())
}

/// Browsers always offer compression; a proxy that looks at compressed bytes sees nothing.
#[tokio::test]
async fn a_client_that_offers_compression_or_asks_for_a_part_gets_the_whole_redacted_answer() -> Result<()> {
    let (_prometheus, gateway) = started().await?;
    let url = format!("{}/prometheus/api/v1/query?query=sold&{AT}", gateway.url());
    let asked = gateway.client().get(&url).bearer_auth(gateway.token("bo")?);
    let answer =
        asked.header(ACCEPT_ENCODING, "gzip, deflate, br").header(RANGE, "bytes=20-60").send().await?;
    ensure!(answer.status() == 200, "{}", answer.status());
    ensure!(answer.headers().get(ETAG).is_none());
    let length = answer.headers().get(CONTENT_LENGTH).cloned();
    let body = answer.bytes().await?;
    if let Some(length) = length {
        ensure!(length.to_str()?.parse::<usize>()? == body.len(), "the length is that of what was sent");
    }
    let text = std::str::from_utf8(&body)?;
    ensure!(text.contains("[email]") && !text.contains("jo.doe@"), "{text}");
    Ok(())
}

#[tokio::test]
async fn federation_is_redacted_as_text() -> Result<()> {
    // Federation gives what is current.
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let (_prometheus, gateway) = started_with(SAMPLES.replace("1700000000", &now.to_string())).await?;
    let federate = "/prometheus/federate?match[]=sold";
    let whole = gateway.get("ada", federate).await?.text().await?;
    ensure!(SECRETS.iter().all(|secret| whole.contains(secret)), "{whole}");
    let answer = gateway.get("bo", federate).await?;
    ensure!(answer.status() == 200, "{}", answer.status());
    let text = answer.text().await?;
    ensure!(text.contains("[email]") && !text.contains("walks"), "{text}");
    for secret in SECRETS {
        ensure!(!text.contains(secret), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn what_was_redacted_stands_in_the_audit_log_by_kind() -> Result<()> {
    let (_prometheus, gateway) = started().await?;
    gateway.json("bo", &format!("/prometheus/api/v1/query?query=sold&{AT}")).await?;
    for _ in 0..50 {
        if let Some(record) = gateway.audit()?.into_iter().find(|record| record["backend"] == "prometheus") {
            ensure!(record["redacted"]["email"] == 1 && record["redacted"]["iban"] == 1, "{record}");
            ensure!(!record.to_string().contains("jo.doe@"), "{record}");
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    anyhow::bail!("no record")
}

#[tokio::test]
async fn not_a_byte_changes_where_no_rule_applies() -> Result<()> {
    let (prometheus, gateway) = started().await?;
    let others = [
        "/graph",
        "/api/v1/status/buildinfo",
        "/api/v1/metadata",
        "/nothing",
        "/api/v1/query?query=sold%7B",
        "/api/v1/labels",
    ];
    for read in READS.into_iter().chain(others) {
        for coding in ["identity", "gzip"] {
            let direct = client::plain().get(format!("{}{read}", prometheus.url()));
            let direct = direct.header(ACCEPT_ENCODING, coding).header(ACCEPT, "*/*").send().await?;
            let through = gateway
                .client()
                .get(format!("{}/prometheus{read}", gateway.url()))
                .bearer_auth(gateway.token("ada")?);
            let through = through.header(ACCEPT_ENCODING, coding).header(ACCEPT, "*/*").send().await?;
            ensure!(direct.status() == through.status(), "{read}: {} {}", direct.status(), through.status());
            for (name, value) in direct.headers() {
                let framing =
                    ["date", "connection", "transfer-encoding", "content-length"].contains(&name.as_str());
                ensure!(
                    framing || through.headers().get(name) == Some(value),
                    "{read}: {name} is {:?}",
                    through.headers().get(name)
                );
            }
            ensure!(direct.bytes().await? == through.bytes().await?, "{read} in {coding}");
        }
    }
    Ok(())
}
