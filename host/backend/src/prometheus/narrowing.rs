//! A request's way: what it needs, how it is narrowed, sent, and its answer filtered.
//!
//! Where personal data is redacted, also for somebody who otherwise sees everything, queries with functions that can take
//! a label's value apart are refused, and so are queries that are not understood: a part of a value is not recognised.

use bartizan_access::policy::{Admission, Permit, Scope, Selector};
use http::Method;
use http::header::CONTENT_TYPE;

use super::endpoints::{self, Endpoint, Narrowing};
use super::form::Form;
use super::promql::{self, Emptiness, Injection, Limits, NotOneSelector, NotUnderstood};
use super::rules;
use crate::upstream::Pool;
use crate::{BackendError, Reply, Request, RequestBody};

/// Answers of `rules` and `alerts` are read whole. Ten thousand alerts have some 8 MB.
const LONGEST_FILTERED_ANSWER_BYTES: usize = 64 << 20;

/// More selectors than this in one request are refused.
const MOST_SELECTORS: usize = 1000;

impl From<NotUnderstood> for BackendError {
    fn from(error: NotUnderstood) -> Self {
        BackendError::NotUnderstood { reason: error.to_string() }
    }
}

impl From<NotOneSelector> for BackendError {
    fn from(error: NotOneSelector) -> Self {
        BackendError::NotNarrowable { reason: error.to_string() }
    }
}

pub(crate) async fn send(pool: &Pool, permit: &Permit, mut request: Request) -> Result<Reply, BackendError> {
    let endpoint = endpoints::find(&request.method, &request.path)?;
    let admission = permit.admit(endpoint.action)?;
    let selectors = match admission.scope() {
        Scope::Everything => return whole(pool, admission, request, endpoint).await,
        Scope::Only(selectors) => selectors.clone(),
    };
    request.upgrade = None;
    match endpoint.narrowing {
        Narrowing::Harmless => Ok(Reply::passed(admission, pool.send(request).await?)),
        Narrowing::ProgramFile => Ok(Reply::passed(admission, pool.send(request).await?).program_file()),
        Narrowing::Query(known) => query(pool, admission, &selectors, request, known).await,
        Narrowing::Selectors | Narrowing::DemandedSelectors | Narrowing::Federation => {
            matching(pool, admission, &selectors, request, endpoint.narrowing).await
        }
        Narrowing::Rules => filtered_rules(pool, admission, &selectors, request).await,
        Narrowing::Alerts => {
            Form::default().put(&mut request);
            filtered(pool, admission, request, |answer| rules::alerts(answer, &selectors)).await
        }
        Narrowing::No => Err(BackendError::NotNarrowable {
            reason: format!("`{}` can only be shown whole, and your roles show a part", request.path),
        }),
    }
}

/// For somebody who may see everything. The body passes as it came, but what it asks is told for the audit log.
async fn whole(
    pool: &Pool,
    admission: Admission,
    mut request: Request,
    endpoint: &Endpoint,
) -> Result<Reply, BackendError> {
    let narrowing = endpoint.narrowing;
    if matches!(narrowing, Narrowing::Query(_)) && !admission.redactions().is_empty() {
        return whole_but_redacted(pool, admission, request, narrowing).await;
    }
    let asks = matches!(
        narrowing,
        Narrowing::Query(_) | Narrowing::Selectors | Narrowing::DemandedSelectors | Narrowing::Federation
    );
    let asked = if asks || endpoint.action == endpoints::ADMIN {
        read_along(&mut request, narrowing).await?
    } else {
        None
    };
    request.replayable |= asks;
    let reply = Reply::passed(admission, pool.send(request).await?).asked(asked);
    Ok(if narrowing == Narrowing::ProgramFile { reply.program_file() } else { reply })
}

/// Reads a body that is sent on byte for byte. What is not a form is told as it stands, since Prometheus may
/// find a query even there.
async fn read_along(request: &mut Request, narrowing: Narrowing) -> Result<Option<String>, BackendError> {
    let body = request.read_body().await?;
    if body.is_empty() {
        return Ok(None);
    }
    request.body = RequestBody::Full(body.clone());
    let as_it_stands = || Some(String::from_utf8_lossy(&body).into_owned());
    if request.method != Method::POST {
        return Ok(as_it_stands());
    }
    Ok(Form::of(request, &body).map_or_else(|_| as_it_stands(), |form| asked_in_body(&form, narrowing)))
}

/// What a form asks whose parameters a URL does not tell.
fn asked_in_body(form: &Form, narrowing: Narrowing) -> Option<String> {
    if !form.was_posted() {
        return None;
    }
    if let Narrowing::Query(_) = narrowing {
        return form.first("query").map(str::to_owned);
    }
    let selectors: Vec<&str> = form.all("match[]").collect();
    (!selectors.is_empty()).then(|| selectors.join(" or "))
}

/// For somebody who may see everything but personal data. The query has to be read, so the parameters are
/// written anew: one request, one meaning.
async fn whole_but_redacted(
    pool: &Pool,
    admission: Admission,
    mut request: Request,
    narrowing: Narrowing,
) -> Result<Reply, BackendError> {
    request.upgrade = None;
    let form = Form::take(&mut request).await?;
    let query = form.first("query").unwrap_or_default();
    let takes_values_apart = promql::takes_values_apart(query, &Limits::default())?;
    check_is_recognisable(&admission, takes_values_apart)?;
    form.put(&mut request);
    let asked = asked_in_body(&form, narrowing);
    Ok(Reply::passed(admission, pool.send(request).await?).asked(asked))
}

/// Redaction recognises a value as long as it is whole.
fn check_is_recognisable(admission: &Admission, takes_values_apart: bool) -> Result<(), BackendError> {
    if takes_values_apart && !admission.redactions().is_empty() {
        let reason = "label_replace and label_join can take redacted values apart, so they are not available \
                      where personal data is redacted for you";
        return Err(BackendError::NotNarrowable { reason: reason.to_owned() });
    }
    Ok(())
}

async fn query(
    pool: &Pool,
    admission: Admission,
    selectors: &[Selector],
    mut request: Request,
    known: &'static [&'static str],
) -> Result<Reply, BackendError> {
    let injection = Injection::new(selectors)?;
    let asked = Form::take(&mut request).await?;
    let narrowed = promql::narrow(asked.first("query").unwrap_or_default(), &injection, &Limits::default())?;
    check_is_recognisable(&admission, narrowed.takes_values_apart)?;
    let mut sent = Form::default();
    sent.push("query", &narrowed.query);
    sent.copy_first(&asked, known);
    sent.put(&mut request);
    let reply = Reply::passed(admission, pool.send(request).await?);
    Ok(reply.asked(asked_in_body(&asked, Narrowing::Query(known))).narrowed(narrowed.query))
}

async fn matching(
    pool: &Pool,
    admission: Admission,
    selectors: &[Selector],
    mut request: Request,
    narrowing: Narrowing,
) -> Result<Reply, BackendError> {
    let injection = Injection::new(selectors)?;
    let asked = Form::take(&mut request).await?;
    let narrowed = narrowed_matches(&asked, &injection, narrowing)?;
    let mut sent = Form::default();
    for selector in &narrowed {
        sent.push("match[]", selector);
    }
    sent.copy_first(&asked, &["start", "end", "limit"]);
    sent.put(&mut request);
    let reply = Reply::passed(admission, pool.send(request).await?);
    Ok(reply.asked(asked_in_body(&asked, narrowing)).narrowed(narrowed.join(" or ")))
}

fn narrowed_matches(
    asked: &Form,
    injection: &Injection,
    narrowing: Narrowing,
) -> Result<Vec<String>, BackendError> {
    let emptiness = match narrowing {
        Narrowing::Federation => Emptiness::Allowed,
        _ => Emptiness::Refused,
    };
    let mut narrowed = Vec::new();
    for selector in asked.all("match[]") {
        if narrowed.len() == MOST_SELECTORS {
            return Err(BackendError::NotUnderstood {
                reason: format!("there are more than {MOST_SELECTORS} match[] parameters"),
            });
        }
        narrowed.push(promql::narrow_selector(selector, injection, &Limits::default(), emptiness)?.query);
    }
    match (narrowed.is_empty(), narrowing) {
        (false, _) => Ok(narrowed),
        (true, Narrowing::Selectors) => Ok(vec![format!("{{{}}}", injection.for_any())]),
        (true, _) => Err(BackendError::NotUnderstood { reason: "no match[] parameter provided".into() }),
    }
}

/// Pages of groups would count groups of others, so all come at once, and there is no token for a next page.
async fn filtered_rules(
    pool: &Pool,
    admission: Admission,
    selectors: &[Selector],
    mut request: Request,
) -> Result<Reply, BackendError> {
    let asked = Form::take(&mut request).await?;
    let without_alerts =
        matches!(asked.first("exclude_alerts"), Some("1" | "t" | "T" | "true" | "TRUE" | "True"));
    let mut sent = Form::default();
    sent.copy_first(&asked, &["type"]);
    for name in ["rule_name[]", "rule_group[]", "file[]", "match[]"] {
        for value in asked.all(name) {
            sent.push(name, value);
        }
    }
    sent.put(&mut request);
    filtered(pool, admission, request, |answer| rules::rules(answer, selectors, without_alerts)).await
}

async fn filtered(
    pool: &Pool,
    admission: Admission,
    mut request: Request,
    filter: impl FnOnce(&[u8]) -> Result<Vec<u8>, rules::Unreadable>,
) -> Result<Reply, BackendError> {
    request.ask_for_whole_plain_answers();
    let response = pool.send(request).await?;
    if !response.status.is_success() {
        return Ok(Reply::passed(admission, response));
    }
    let (status, headers, answer) = response.read(LONGEST_FILTERED_ANSWER_BYTES).await?;
    let json = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !json {
        return Err(BackendError::AnswerNotUnderstood { reason: "it is not JSON".into() });
    }
    let filtered =
        filter(&answer).map_err(|error| BackendError::AnswerNotUnderstood { reason: error.to_string() })?;
    Ok(Reply::json(admission, status, headers, filtered.into()))
}

#[cfg(test)]
mod tests;
