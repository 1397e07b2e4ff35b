//! What the pages show, worked out before it is rendered.

use std::sync::Arc;
use std::time::SystemTime;

use askama::Template;
use bartizan_access::identity::{Login, Subject};
use bartizan_access::policy::{Grant, Permit, Selector};
use bartizan_backend::upstream::HealthState;
use bartizan_plugin::{PluginState, PluginStatus};

use super::Frame;
use crate::audit::rfc3339;
use crate::gateway::{BackendPlan, Plan};
use crate::respond;

/// The tools that are open.
#[derive(Template)]
#[template(path = "home.html")]
pub(super) struct Home {
    frame: Frame,
    groups: String,
    tiles: Vec<Tile>,
}

struct Tile {
    name: Arc<str>,
    title: String,
    route: String,
    health: Health,
    scope: String,
}

/// What one may see, and why.
#[derive(Template)]
#[template(path = "me.html")]
pub(super) struct Me {
    frame: Frame,
    login: String,
    groups: String,
    roles: String,
    backends: Vec<BackendView>,
}

struct BackendView {
    name: Arc<str>,
    title: String,
    grants: Vec<GrantView>,
}

struct GrantView {
    role: String,
    actions: String,
    everything: bool,
    selectors: Vec<String>,
    redacted: String,
}

/// The plugins.
#[derive(Template)]
#[template(path = "plugins.html")]
pub(super) struct Plugins {
    frame: Frame,
    plugins: Vec<PluginView>,
}

struct PluginView {
    name: String,
    state: String,
    class: &'static str,
    version: String,
    digest: String,
    series: usize,
    last_success: String,
    since: String,
    refusal: String,
    trouble: String,
}

#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct LoginPage<'a> {
    pub(super) csrf: &'a str,
    pub(super) return_to: &'a str,
    pub(super) user: &'a str,
    pub(super) notice: &'a str,
}

#[derive(Template)]
#[template(path = "failure.html")]
pub(super) struct FailurePage<'a> {
    pub(super) title: &'a str,
    pub(super) sentence: &'a str,
    pub(super) request_id: &'a str,
}

/// The state of a backend in a word and a colour.
pub(super) struct Health {
    class: &'static str,
    words: String,
}

impl Health {
    fn of(backend: &BackendPlan) -> Self {
        let replicas = backend.health.snapshot();
        let up = replicas.iter().filter(|replica| replica.state != HealthState::Unhealthy).count();
        match (up, replicas.len()) {
            (up, all) if up == all => Health { class: "good", words: "working".into() },
            (0, _) => Health { class: "bad", words: "not reachable".into() },
            (up, all) => Health { class: "warn", words: format!("{up} of {all} replicas") },
        }
    }
}

impl Home {
    pub(super) fn new(frame: Frame, plan: &Plan, subject: &Arc<Subject>) -> Self {
        let tiles = open_to(plan, subject)
            .map(|(backend, permit)| Tile {
                name: backend.name.clone(),
                title: backend.title.clone(),
                route: backend.prefix.clone(),
                health: Health::of(backend),
                scope: scope(&permit),
            })
            .collect();
        Home { frame, groups: subject.groups().join(", "), tiles }
    }
}

impl Me {
    pub(super) fn new(frame: Frame, plan: &Plan, subject: &Arc<Subject>) -> Self {
        let mut roles: Vec<&str> = plan.policy.roles_of(subject).map(|role| &**role).collect();
        roles.sort_unstable();
        roles.dedup();
        let login = match subject.login() {
            Login::Session => "name and password".to_owned(),
            Login::Basic => "HTTP Basic".to_owned(),
            Login::Jwt { issuer } => format!("a token of {issuer}"),
        };
        let backends = open_to(plan, subject)
            .map(|(backend, permit)| BackendView {
                name: backend.name.clone(),
                title: backend.title.clone(),
                grants: permit.grants().iter().map(|grant| GrantView::new(grant)).collect(),
            })
            .collect();
        Me { frame, login, groups: subject.groups().join(", "), roles: roles.join(", "), backends }
    }
}

impl GrantView {
    fn new(grant: &Grant) -> Self {
        let kinds = respond::vocabulary();
        let redacted: Vec<&str> =
            grant.redactions().positions().filter_map(|position| kinds.get(position).copied()).collect();
        GrantView {
            role: grant.role().to_owned(),
            actions: grant.actions().join(", "),
            everything: grant.selectors().iter().any(Selector::matches_everything),
            selectors: grant.selectors().iter().map(Selector::to_string).collect(),
            redacted: if redacted.is_empty() { "nothing".to_owned() } else { redacted.join(", ") },
        }
    }
}

impl Plugins {
    pub(super) fn new(frame: Frame, statuses: Vec<PluginStatus>) -> Self {
        Plugins { frame, plugins: statuses.into_iter().map(PluginView::new).collect() }
    }
}

impl PluginView {
    fn new(status: PluginStatus) -> Self {
        let class = match status.state {
            PluginState::Running if status.last_refusal.is_none() => "good",
            PluginState::Running | PluginState::Loading => "warn",
            PluginState::Failing | PluginState::Refused => "bad",
        };
        let failing = status.state == PluginState::Failing;
        PluginView {
            name: status.name,
            state: status.state.to_string(),
            class,
            version: status.version.unwrap_or_else(|| "–".to_owned()),
            digest: status.digest.map(|digest| digest.chars().take(12).collect()).unwrap_or_default(),
            series: status.series,
            last_success: status.last_success.map_or_else(|| "never".to_owned(), short_time),
            since: short_time(status.since),
            refusal: status.last_refusal.unwrap_or_default(),
            trouble: if failing { status.last_error.unwrap_or_default() } else { String::new() },
        }
    }
}

/// The health of the backends that are open to somebody, by name.
pub(super) fn health_of(plan: &Plan, subject: &Arc<Subject>) -> serde_json::Value {
    open_to(plan, subject)
        .map(|(backend, _)| {
            let health = Health::of(backend);
            (backend.name.to_string(), serde_json::json!({"class": health.class, "words": health.words}))
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn open_to<'a>(plan: &'a Plan, subject: &'a Arc<Subject>) -> impl Iterator<Item = (&'a BackendPlan, Permit)> {
    plan.backends
        .iter()
        .filter_map(move |backend| Some((backend, plan.policy.decide(subject, &backend.name).ok()?)))
}

fn scope(permit: &Permit) -> String {
    let selectors = permit.grants().iter().flat_map(|grant| grant.selectors());
    let mut shown: Vec<String> = Vec::new();
    for selector in selectors {
        if selector.matches_everything() {
            return "Everything".to_owned();
        }
        let text = selector.to_string();
        if !shown.contains(&text) {
            shown.push(text);
        }
    }
    shown.join(" or ")
}

fn short_time(time: SystemTime) -> String {
    let text = rfc3339(time);
    format!("{} {} UTC", &text[..10], &text[11..19])
}
