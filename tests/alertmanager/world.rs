//! The alerts, the silences, the people, and the servers that hold them.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use support::alertmanager::Alertmanagers;
use support::client;
use support::gateway::{Gateway, Options, PASSWORD};

/// Routes by team and over all teams; whoever is critical inhibits warnings of the same name and service.
const CONFIG: &str = "
route:
  receiver: everybody
  group_by: [alertname]
  group_wait: 1h
  routes:
    - {receiver: payments-pager, matchers: ['team=\"payments\"'], group_by: [alertname, team], continue: true}
    - {receiver: walks-pager, matchers: ['team=\"walks\"'], group_by: ['...'], continue: true}
    - {receiver: warnings, matchers: ['severity=\"warning\"'], group_by: [severity]}
inhibit_rules:
  - {source_matchers: ['severity=\"critical\"'], target_matchers: ['severity=\"warning\"'], equal: [alertname, service]}
receivers: [{name: everybody}, {name: payments-pager}, {name: walks-pager}, {name: warnings}, {name: nobody-uses-me}]
";

const POLICY: &str = r#"
roles:
  bo: {grants: [{backend: alertmanager, actions: [read, silence], selectors: ['{team="payments"}']}]}
  cy:
    grants:
      - backend: alertmanager
        actions: [read, silence]
        selectors: ['{team="walks"}', '{service=~"s1|s2",severity="warning"}']
  eve:
    grants:
      - {backend: alertmanager, actions: [read], selectors: ['{team=~"p.*",team!="private"}']}
      - {backend: alertmanager, actions: [silence], selectors: ['{team="platform"}']}
  ops: {grants: [{backend: alertmanager, actions: [read, silence], selectors: ['{}']}]}
  ada: {grants: [{backend: alertmanager, actions: ['*'], selectors: ['{}']}]}
  mute: {grants: [{backend: alertmanager, actions: [silence], selectors: ['{team="payments"}']}]}
bindings:
  - {role: bo, groups: [bo]}
  - {role: cy, groups: [cy]}
  - {role: eve, groups: [eve]}
  - {role: ops, groups: [ops]}
  - {role: ada, groups: [ada]}
  - {role: mute, groups: [mute]}
"#;

/// Everybody with a role.
pub(crate) const PEOPLE: [&str; 6] = ["bo", "cy", "eve", "ops", "ada", "mute"];
/// Those who see a part.
pub(crate) const RESTRICTED: [&str; 3] = ["bo", "cy", "eve"];

/// Whether somebody may see an alert, said again in Rust.
pub(crate) fn sees(person: &str, alert: &Value) -> bool {
    let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default();
    match person {
        "bo" => label("team") == "payments",
        "cy" => {
            label("team") == "walks"
                || (["s1", "s2"].contains(&label("service")) && label("severity") == "warning")
        }
        "eve" => label("team").starts_with('p') && label("team") != "private",
        _ => true,
    }
}

/// Seeded numbers (xorshift), so that each run asks the same.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A time that many seconds from now, as RFC 3339 writes it.
fn time(in_seconds: u64) -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
        + Duration::from_secs(in_seconds);
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Days to a date in the proleptic Gregorian calendar, counted in years that begin in March.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A hundred alerts of several teams, and of none. For each name and service one at most is critical, since
/// Alertmanager names only one of several that inhibit.
fn alerts() -> Value {
    let mut dice = Dice(7);
    let mut critical = Vec::new();
    let (starts, ends) = (time(0), time(7200));
    let list: Vec<Value> = (0..100)
        .map(|number| {
            let name = dice.of(&["Down", "Slow", "Full", "Odd \"one\"\\"]);
            let service = dice.of(&["s1", "s2", "s3", ""]);
            let mut severity = dice.of(&["critical", "warning", "warning", "info"]);
            if severity == "critical" {
                if critical.contains(&(name, service)) {
                    severity = "info";
                } else {
                    critical.push((name, service));
                }
            }
            let team =
                dice.of(&["payments", "payments", "walks", "platform", "private", "paymentsandmore", ""]);
            let mut labels =
                json!({"alertname": name, "severity": severity, "instance": format!("i{number}")});
            for (label, value) in [("team", team), ("service", service)] {
                if !value.is_empty() {
                    labels[label] = value.into();
                }
            }
            json!({
                "labels": labels, "annotations": {"summary": format!("{name} at {number}")},
                "generatorURL": format!("http://prometheus/{number}"), "startsAt": starts, "endsAt": ends,
            })
        })
        .collect();
    list.into()
}

fn matcher(name: &str, operator: &str, value: &str) -> Value {
    json!({
        "name": name, "value": value,
        "isRegex": operator.ends_with('~'), "isEqual": operator.starts_with('='),
    })
}

/// A silence to be posted.
pub(crate) fn silence(comment: &str, matchers: &[(&str, &str, &str)]) -> Value {
    let matchers: Vec<Value> =
        matchers.iter().map(|(name, operator, value)| matcher(name, operator, value)).collect();
    json!({
        "matchers": matchers, "comment": comment, "createdBy": "somebody else",
        "startsAt": time(0), "endsAt": time(3600),
    })
}

type Matchers = &'static [(&'static str, &'static str, &'static str)];

/// Silences, and the restricted people who may see them.
pub(crate) const SILENCES: &[(Matchers, &[&str])] = &[
    (&[("team", "=", "payments"), ("alertname", "=", "Down")], &["bo", "eve"]),
    (&[("team", "=~", "payments"), ("severity", "=", "info")], &["bo", "eve"]),
    (&[("team", "=~", "payments|platform"), ("instance", "=~", "i1.*")], &["eve"]),
    (&[("team", "=~", "p.*"), ("team", "!=", "private"), ("instance", "=~", "i2.")], &["eve"]),
    (&[("team", "=~", "p.*"), ("instance", "=~", "i3.")], &[]),
    (&[("team", "=~", ".*"), ("instance", "=", "i4")], &[]),
    (&[("team", "!=", "walks"), ("instance", "=", "i5")], &[]),
    (&[("team", "!~", "|walks|private|platform.*"), ("instance", "=", "i6")], &[]),
    (&[("alertname", "=", "Full")], &[]),
    (&[("alertname", "!=", ""), ("instance", "=~", "i7.?")], &[]),
    (&[("team", "=", "walks"), ("instance", "=~", "i[0-4].?")], &["cy"]),
    (&[("service", "=", "s1"), ("severity", "=", "warning"), ("instance", "=~", ".*8")], &["cy"]),
    (&[("service", "=~", "s[12]"), ("severity", "=", "warning"), ("instance", "=~", ".*9")], &["cy"]),
    (&[("service", "=~", "s[123]"), ("severity", "=", "warning"), ("instance", "=~", ".*6")], &[]),
    (&[("team", "=~", "walks|payments"), ("service", "=", "s2"), ("severity", "=", "warning")], &["cy"]),
    (&[("team", "=~", "(?i)Payments"), ("instance", "=", "i8")], &[]),
    (&[("team", "=", ""), ("instance", "=~", "i9.?")], &[]),
    (&[("team", "=", "payments"), ("team", "=", "walks"), ("instance", "=", "i1")], &[]),
];

/// A server with everybody's alerts and silences behind a gateway.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) all: Alertmanagers,
    alerts: Value,
}

impl World {
    pub(crate) async fn new() -> Result<World> {
        let all = Alertmanagers::with_config(CONFIG).await?;
        let alerts = alerts();
        all.post(&alerts).await?;
        for (number, (matchers, _)) in SILENCES.iter().enumerate() {
            post_silence(&all.urls()[0], number, matchers).await?;
        }
        // One replica: what is written has to be there at once.
        let mut options =
            Options::new()?.backend("alertmanager", "alertmanager", [all.urls()[0].clone()]).policy(POLICY);
        for person in PEOPLE {
            options = options.user(person, person);
        }
        Ok(World { gateway: options.start().await?, all, alerts })
    }

    /// Another server, that has got what one person may see.
    pub(crate) async fn of(&self, person: &str) -> Result<Alertmanagers> {
        let own = Alertmanagers::with_config(CONFIG).await?;
        let seen: Vec<&Value> =
            self.alerts.as_array().context("no list")?.iter().filter(|alert| sees(person, alert)).collect();
        ensure!(seen.len() > 10 && seen.len() < 90, "{person} sees {} alerts", seen.len());
        own.post(&json!(seen)).await?;
        for (number, (matchers, people)) in SILENCES.iter().enumerate() {
            if people.contains(&person) {
                post_silence(&own.urls()[0], number, matchers).await?;
            }
        }
        Ok(own)
    }

    /// A request as somebody, by way of the gateway; its body is JSON or empty.
    pub(crate) async fn ask(
        &self,
        person: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value)> {
        let url = format!("{}/alertmanager{path}", self.gateway.url());
        let request = self.gateway.client().request(method, url).basic_auth(person, Some(PASSWORD));
        read(with_json(request, body)).await
    }

    /// The same without the gateway.
    pub(crate) async fn ask_directly(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value)> {
        let url = format!("{}{path}", self.all.urls()[0]);
        read(with_json(client::plain().request(method, url), body)).await
    }
}

async fn post_silence(url: &str, number: usize, matchers: Matchers) -> Result<()> {
    let mut silence = silence(&format!("silence {number}"), matchers);
    silence["endsAt"] = time(3600 + 60 * number as u64).into();
    let request = client::plain().post(format!("{url}/api/v2/silences"));
    let (status, answer) = read(with_json(request, Some(silence))).await?;
    ensure!(status == 200, "silence {number}: {status} {answer}");
    Ok(())
}

fn with_json(request: reqwest::RequestBuilder, body: Option<Value>) -> reqwest::RequestBuilder {
    match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string()),
        None => request,
    }
}

/// Status and body; what is no JSON comes as a string.
pub(crate) async fn read(request: reqwest::RequestBuilder) -> Result<(u16, Value)> {
    let response = request.timeout(Duration::from_secs(20)).send().await?;
    let status = response.status().as_u16();
    let body = response.bytes().await?;
    let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
    Ok((status, serde_json::from_slice(&body).unwrap_or_else(|_| text())))
}
