//! Every endpoint and everybody: which answers there are, in a golden file.

use std::fmt::Write;

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;

use crate::world::{PEOPLE, World};

const REQUESTS: &[(&str, &str)] = &[
    ("GET", "/api/v2/alerts"),
    ("HEAD", "/api/v2/alerts"),
    ("OPTIONS", "/api/v2/alerts"),
    ("POST", "/api/v2/alerts"),
    ("GET", "/api/v2/alerts/"),
    ("GET", "/api/v2/alerts/groups"),
    ("GET", "/api/v2/receivers"),
    ("GET", "/api/v2/silences"),
    ("PUT", "/api/v2/silences"),
    ("GET", "/api/v2/silence/00000000-0000-4000-8000-000000000000"),
    ("DELETE", "/api/v2/silence/00000000-0000-4000-8000-000000000000"),
    ("PATCH", "/api/v2/silence/00000000-0000-4000-8000-000000000000"),
    ("GET", "/api/v2/status"),
    ("GET", "/api/v1/alerts"),
    ("GET", "/api/v1/silences"),
    ("GET", "/api/v1/status"),
    ("GET", "/-/healthy"),
    ("HEAD", "/-/ready"),
    ("POST", "/-/reload"),
    ("POST", "/-/quit"),
    ("GET", "/metrics"),
    ("GET", "/debug/pprof/cmdline"),
    ("GET", "/swagger.json"),
];

#[tokio::test]
async fn every_endpoint_answers_those_who_may() -> Result<()> {
    let world = World::new().await?;
    let mut table = format!("{:<8}{:<62}{}\n", "", "", PEOPLE.map(|person| format!("{person:<6}")).concat());
    for (method, path) in REQUESTS {
        write!(table, "{method:<8}{path:<62}")?;
        for person in PEOPLE {
            let body = (*method == "POST").then(|| json!([]));
            let (status, _) = world.ask(person, Method::from_bytes(method.as_bytes())?, path, body).await?;
            write!(table, "{status:<6}")?;
        }
        table.push('\n');
    }
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    assert_eq!(
        table,
        include_str!("endpoints.table"),
        "if the change is meant, write it to endpoints.table:\n{table}"
    );
    Ok(())
}

#[tokio::test]
async fn a_part_of_the_status_and_of_the_receivers() -> Result<()> {
    let world = World::new().await?;
    for person in ["bo", "ops"] {
        let (status, reduced) = world.ask(person, Method::GET, "/api/v2/status", None).await?;
        ensure!(status == 200, "{status} {reduced}");
        ensure!(reduced["config"]["original"] == "" && reduced["cluster"]["peers"] == json!([]), "{reduced}");
        ensure!(reduced["versionInfo"]["version"].is_string() && reduced["uptime"].is_string(), "{reduced}");
    }
    let (_, whole) = world.ask("ada", Method::GET, "/api/v2/status", None).await?;
    let (_, direct) = world.ask_directly(Method::GET, "/api/v2/status", None).await?;
    ensure!(whole == direct, "{whole}");
    let names = |list: serde_json::Value| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|receiver| receiver["name"].to_string()).collect()
    };
    let (_, own) = world.ask("bo", Method::GET, "/api/v2/receivers", None).await?;
    ensure!(names(own.clone()) == ["\"payments-pager\"", "\"warnings\""], "{own}");
    let (_, all) = world.ask("ops", Method::GET, "/api/v2/receivers", None).await?;
    ensure!(names(all.clone()).len() == 5, "{all}");
    Ok(())
}
