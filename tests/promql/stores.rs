//! One store with everything behind the gateway, and for each viewer one with what they may see.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::Value;
use support::client;
use support::gateway::{Gateway, Options};
use support::prometheus::Prometheus;

use crate::answers::Answer;
use crate::questions::Question;
use crate::samples::{self, Series};

const POLICY: &str = r#"
roles:
  payments:
    grants:
      - { backend: prometheus, actions: [read], selectors: ['{team="payments"}'] }
  teams:
    grants:
      - { backend: prometheus, actions: [read], selectors: ['{team="walks"}', '{team=~"pay.*s"}'] }
bindings:
  - { role: payments, groups: [payments] }
  - { role: teams, groups: [teams] }
"#;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Viewer {
    /// Sees one team.
    Bo,
    /// Sees two teams, by two selectors.
    Eve,
}

impl Viewer {
    pub(crate) const ALL: [Viewer; 2] = [Viewer::Bo, Viewer::Eve];

    fn name(self) -> &'static str {
        match self {
            Viewer::Bo => "bo",
            Viewer::Eve => "eve",
        }
    }

    fn sees(self, series: &Series) -> bool {
        match self {
            Viewer::Bo => series.team() == "payments",
            Viewer::Eve => !series.team().is_empty(),
        }
    }
}

/// The servers.
pub(crate) struct Stores {
    pub(crate) gateway: Gateway,
    pub(crate) series: Vec<Series>,
    /// When the series begin, in seconds.
    pub(crate) base: u64,
    own: HashMap<Viewer, Prometheus>,
    tokens: HashMap<Viewer, String>,
    _everything: Prometheus,
}

impl Stores {
    pub(crate) async fn start() -> Result<Stores> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let base = (now - 7200) / 60 * 60;
        let series = samples::dealt(base, now);
        let everything = Prometheus::holding(samples::openmetrics(&series)).await?;
        let mut own = HashMap::new();
        for viewer in Viewer::ALL {
            let seen = series.iter().filter(|series| viewer.sees(series));
            own.insert(viewer, Prometheus::holding(samples::openmetrics(seen)).await?);
        }
        let gateway = Options::new()?
            .backend("prometheus", "prometheus", [everything.url()])
            .policy(POLICY)
            .user("bo", "payments")
            .user("eve", "teams")
            .start()
            .await?;
        let mut tokens = HashMap::new();
        for viewer in Viewer::ALL {
            tokens.insert(viewer, gateway.token(viewer.name())?);
        }
        Ok(Stores { gateway, series, base, own, tokens, _everything: everything })
    }

    /// The answers of the gateway and of the viewer's own store, in the order of the questions.
    pub(crate) async fn ask_all(&self, viewer: Viewer, questions: &[Question]) -> Vec<(Answer, Answer)> {
        let plain = client::plain();
        let gateway = format!("{}/prometheus", self.gateway.url());
        let own = self.own.get(&viewer).map(Prometheus::url).unwrap_or_default();
        let token = self.tokens.get(&viewer).map(String::as_str).unwrap_or_default();
        let asked = questions.iter().map(|question| {
            let (plain, gateway, own) = (&plain, &gateway, &own);
            async move {
                let here = answer(question.request(self.gateway.client(), gateway).bearer_auth(token)).await;
                let there = answer(question.request(plain, own)).await;
                (here, there)
            }
        });
        stream::iter(asked).buffered(8).collect().await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, body }
}
