//! A backend that sends what a real one should not: read from a script, one answer for each path.

use std::io::{Read, Write};
use std::net::TcpListener;

use anyhow::{Result, ensure};
use support::gateway::{Gateway, Options};

const POLICY: &str = r#"
roles:
  redacted:
    grants:
      - {backend: tool, actions: [read], selectors: ['{}'], redact: [email]}
  whole:
    grants:
      - {backend: tool, actions: [read], selectors: ['{}']}
bindings:
  - {role: redacted, groups: [redacted]}
  - {role: whole, groups: [whole]}
"#;

/// Path, headers, body.
const ANSWERS: [(&str, &str, &str); 5] = [
    (
        "/cookies",
        "content-type: text/plain\r\nset-cookie: __Host-bartizan=evil; Path=/; Secure\r\nset-cookie: theirs=1\r\nclear-site-data: \"*\"\r\nx-request-id: forged\r\n",
        "hello",
    ),
    (
        "/headers",
        "content-type: text/plain\r\nx-user-mail: jane.doe@example.com\r\nlink: <jane.doe@example.com>\r\n",
        "hello",
    ),
    ("/charset", "content-type: text/plain; charset = \"utf-16le\"\r\n", "hello"),
    ("/two-types", "content-type: text/plain\r\ncontent-type: application/octet-stream\r\n", "hello"),
    ("/location", "content-type: text/html\r\nlocation: /next?mail=jane.doe@example.com\r\n", "hello"),
];

/// Answers until the test program ends.
fn backend() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            let asked = ANSWERS.iter().find(|(path, ..)| text.contains(&format!("{path} ")));
            let (headers, body) = asked.map_or(("", ""), |(_, headers, body)| (*headers, *body));
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    Ok(url)
}

async fn started() -> Result<Gateway> {
    Options::new()?
        .backend("tool", "plain", [backend()?])
        .policy(POLICY)
        .user("bo", "redacted")
        .user("ada", "whole")
        .start()
        .await
}

#[tokio::test]
async fn a_backend_cannot_speak_in_the_gateways_name() -> Result<()> {
    let gateway = started().await?;
    let answer = gateway.get("ada", "/tool/cookies").await?;
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    ensure!(cookies == ["theirs=1"], "{cookies:?}");
    ensure!(answer.headers().get("clear-site-data").is_none());
    let ids: Vec<_> = answer.headers().get_all("x-request-id").iter().collect();
    ensure!(ids.len() == 1 && ids[0] != "forged", "{ids:?}");
    Ok(())
}

#[tokio::test]
async fn headers_of_a_redacted_answer_are_those_that_are_known() -> Result<()> {
    let gateway = started().await?;
    for path in ["/tool/headers", "/tool/location"] {
        let whole = gateway.get("ada", path).await?;
        ensure!(format!("{:?}", whole.headers()).contains("jane.doe@"), "{path}: {:?}", whole.headers());
        let shown = gateway.get("bo", path).await?;
        ensure!(shown.status() == 200, "{path}: {}", shown.status());
        ensure!(!format!("{:?}", shown.headers()).contains("jane.doe"), "{path}: {:?}", shown.headers());
    }
    Ok(())
}

#[tokio::test]
async fn what_two_readers_could_read_differently_is_refused_where_it_must_be_redacted() -> Result<()> {
    let gateway = started().await?;
    for path in ["/tool/charset", "/tool/two-types"] {
        ensure!(gateway.get("ada", path).await?.status() == 200, "{path}");
        let refused = gateway.get("bo", path).await?;
        ensure!(refused.status() == 403, "{path}: {}", refused.status());
        ensure!(refused.text().await?.contains("cannot be redacted"));
    }
    Ok(())
}
