//! Alertmanager's API v2: alerts, groups and silences, as far as somebody may see them.
//!
//! The measure is an Alertmanager with the same configuration that has only ever got the alerts
//! which the scope shows and the silences that reach nothing else. Answers are filtered in memory, up to
//! [`ANSWER_LIMIT_BYTES`], because the server cannot: its `filter` knows no alternatives. A silence
//! is somebody's own where [`confined`](bartizan_access::policy::confined) says so, and only then is
//! it shown, made, changed or ended.
//!
//! Where an answer differs from that measure: an alert that two others inhibit names one of them, so
//! where it names a foreign one it counts as not inhibited; receivers are those of own alerts,
//! though the configuration has more; the status comes without the configuration's text and peers.
//!
//! Refused: alerts posted by somebody who sees a part, since they can carry any labels;
//! everything that the table in [`endpoints`] does not hold.

mod alerts;
mod endpoints;
mod exchange;
mod query;
mod silences;

use bartizan_access::policy::{Action, Admission, Permit, Scope, Selector};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{BackendError, Reply, Request, upstream::Pool};
use alerts::Own;
use endpoints::Treatment;
use exchange::Exchange;
use query::AlertQuery;

/// The largest answer that is filtered, in bytes: some 50,000 alerts.
pub(crate) const ANSWER_LIMIT_BYTES: usize = 64 << 20;

pub(crate) const ACTIONS: &[Action] = &[
    Action { name: "read", narrowable: true, help: "see alerts, their groups and receivers, and silences" },
    Action {
        name: "silence",
        narrowable: true,
        help: "make, change and end silences that reach nothing else",
    },
    Action {
        name: "status",
        narrowable: false,
        help: "see the configuration, which may hold secrets, and the cluster",
    },
    Action { name: "post-alerts", narrowable: false, help: "send alerts, with any labels" },
    Action { name: "lifecycle", narrowable: false, help: "have the configuration read again" },
    Action { name: "debug", narrowable: false, help: "the server's own metrics and profiles" },
    Action { name: "unknown", narrowable: false, help: "whatever the gateway does not know, and the API v1" },
];

pub(crate) async fn send(pool: &Pool, permit: &Permit, request: Request) -> Result<Reply, BackendError> {
    let treatment = endpoints::classify(&request.method, &request.path);
    let admission = match permit.admit(treatment.action()) {
        Ok(admission) => admission,
        Err(denied) if treatment == Treatment::Status => {
            let admission = permit.admit("read").map_err(|_| denied)?;
            return reduced_status(&Exchange::new(pool, &request), admission, request).await;
        }
        Err(_) if treatment == Treatment::Unknown => {
            return Err(BackendError::UnknownOperation {
                method: request.method.to_string(),
                path: request.path,
            });
        }
        Err(denied) => return Err(denied.into()),
    };
    let exchange = Exchange::new(pool, &request);
    match (treatment, admission.scope().clone()) {
        (Treatment::ProgramFile, _) => Ok(Reply::passed(admission, pool.send(request).await?).program_file()),
        (Treatment::PostSilence, _) => silences::post(&exchange, permit, admission, request).await,
        (Treatment::ExpireSilence, Scope::Everything) => {
            let asked = silences::ended(&request.path);
            Ok(Reply::passed(admission, pool.send(request).await?).asked(Some(asked)))
        }
        (_, Scope::Everything) | (Treatment::Liveness, _) => {
            Ok(Reply::passed(admission, pool.send(request).await?))
        }
        (Treatment::Alerts, Scope::Only(selectors)) => {
            alert_list(&exchange, admission, request, &selectors).await
        }
        (Treatment::Groups, Scope::Only(selectors)) => {
            group_list(&exchange, admission, request, &selectors).await
        }
        (Treatment::Receivers, Scope::Only(selectors)) => {
            receivers(&exchange, admission, request, &selectors).await
        }
        (Treatment::Silences, Scope::Only(_)) => silences::list(&exchange, admission, request).await,
        (Treatment::Silence, Scope::Only(_)) => silences::show(&exchange, admission, &request).await,
        (Treatment::ExpireSilence, Scope::Only(_)) => {
            silences::expire(&exchange, permit, admission, request).await
        }
        (
            Treatment::Status
            | Treatment::PostAlerts
            | Treatment::Lifecycle
            | Treatment::Debug
            | Treatment::Unknown,
            Scope::Only(_),
        ) => Err(BackendError::NotNarrowable {
            reason: format!("`{}` can only be allowed whole, and your roles show a part", treatment.action()),
        }),
    }
}

async fn alert_list(
    exchange: &Exchange<'_>,
    admission: Admission,
    mut request: Request,
    selectors: &[Selector],
) -> Result<Reply, BackendError> {
    let query = AlertQuery::parse(request.query.as_deref());
    let sent = query.narrowed(selectors);
    request.query = Some(sent.clone());
    let (headers, body) = match exchange.narrowed_answer(request).await? {
        Ok(answer) => answer,
        Err(response) => return Ok(Reply::passed(admission, response)),
    };
    let mut list = alerts::own_alerts(&body, selectors)?;
    let own = own_ids(exchange, &admission, &query, list.iter(), selectors).await?;
    list.retain_mut(|alert| {
        own.rewrite_status(alert);
        query.wants(alert)
    });
    exchange::json(admission, StatusCode::OK, headers, &Value::Array(list)).map(|reply| reply.narrowed(sent))
}

async fn group_list(
    exchange: &Exchange<'_>,
    admission: Admission,
    mut request: Request,
    selectors: &[Selector],
) -> Result<Reply, BackendError> {
    let query = AlertQuery::parse(request.query.as_deref());
    let sent = query.narrowed(selectors);
    request.query = Some(sent.clone());
    let (headers, body) = match exchange.narrowed_answer(request).await? {
        Ok(answer) => answer,
        Err(response) => return Ok(Reply::passed(admission, response)),
    };
    let mut groups = alerts::own_groups(&body, selectors)?;
    let own =
        own_ids(exchange, &admission, &query, groups.iter().flat_map(alerts::alerts_of), selectors).await?;
    groups.retain_mut(|group| alerts::narrow_group(group, &own, &query));
    exchange::json(admission, StatusCode::OK, headers, &Value::Array(groups))
        .map(|reply| reply.narrowed(sent))
}

/// The ids of own silences and alerts, as far as these alerts name any.
async fn own_ids<'a>(
    exchange: &Exchange<'_>,
    admission: &Admission,
    query: &AlertQuery,
    listed: impl Iterator<Item = &'a Value> + Clone,
    selectors: &[Selector],
) -> Result<Own, BackendError> {
    let mut own = Own::default();
    if listed.clone().any(|alert| alerts::names_ids(alert, "silencedBy")) {
        let answer = exchange.get("/api/v2/silences", "active=true&pending=false&expired=false").await?;
        own.silences =
            silences::own_silences(&answer, admission.scope())?.iter().filter_map(alerts::id).collect();
    }
    if listed.clone().any(|alert| alerts::names_ids(alert, "inhibitedBy")) {
        own.alerts = if query.asks_for_all() {
            listed.filter_map(alerts::fingerprint).collect()
        } else {
            let answer = exchange.get("/api/v2/alerts", &AlertQuery::default().narrowed(selectors)).await?;
            alerts::own_alerts(&answer, selectors)?.iter().filter_map(alerts::fingerprint).collect()
        };
    }
    Ok(own)
}

async fn receivers(
    exchange: &Exchange<'_>,
    admission: Admission,
    request: Request,
    selectors: &[Selector],
) -> Result<Reply, BackendError> {
    let (headers, body) = match exchange.narrowed_answer(request).await? {
        Ok(answer) => answer,
        Err(response) => return Ok(Reply::passed(admission, response)),
    };
    let answer = exchange.get("/api/v2/alerts", &AlertQuery::default().narrowed(selectors)).await?;
    let own = alerts::receivers(&alerts::own_alerts(&answer, selectors)?);
    let named = |receiver: &Value| receiver["name"].as_str().is_some_and(|name| own.contains(name));
    let list = alerts::elements(&body, named)?;
    exchange::json(admission, StatusCode::OK, headers, &Value::Array(list))
}

/// The status for people without the action `status`: what clients need to find out whom they talk to.
async fn reduced_status(
    exchange: &Exchange<'_>,
    admission: Admission,
    request: Request,
) -> Result<Reply, BackendError> {
    let (headers, body) = match exchange.narrowed_answer(request).await? {
        Ok(answer) => answer,
        Err(response) => return Ok(Reply::passed(admission, response)),
    };
    let status: Value = exchange::parse(&body)?;
    let reduced = json!({
        "cluster": { "peers": [], "status": status["cluster"]["status"] },
        "config": { "original": "" },
        "uptime": status["uptime"],
        "versionInfo": status["versionInfo"],
    });
    exchange::json(admission, StatusCode::OK, headers, &reduced)
}

#[cfg(test)]
mod tests;
