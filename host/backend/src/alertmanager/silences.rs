//! Silences: shown, made, changed and ended where they reach own alerts alone.
//!
//! A silence's matchers never change: Alertmanager ends a silence that is changed and makes another,
//! with a new id. So what was found out about an id stays true until it is acted upon, and nothing
//! is lost by asking first. A silence that lies outside is answered like one that does not exist.

use std::fmt;

use bartizan_access::policy::{Admission, Confinement, Matcher, Operator, Permit, Scope, Selector, confined};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::exchange::{self, Answer, Exchange};
use super::{alerts, endpoints};
use crate::{BackendError, Reply, Request, RequestBody};

/// The largest silence that is read, in bytes. People's silences take a few hundred.
const SILENCE_LIMIT_BYTES: usize = 64 << 10;

/// The most matchers in one silence.
const MOST_MATCHERS: usize = 256;

/// The most of them that bear on a decision; it bounds what a decision costs.
const MOST_DECIDING_MATCHERS: usize = 16;

/// What a silence in an answer consists of (`gettableSilence`). One with other fields might reach
/// further than its matchers say.
const KNOWN_FIELDS: [&str; 9] =
    ["annotations", "comment", "createdBy", "endsAt", "id", "matchers", "startsAt", "status", "updatedAt"];

/// A silence as it is posted (`postableSilence`).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Posted {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    matchers: Vec<PostedMatcher>,
    #[serde(flatten)]
    others: Fields,
}

impl Posted {
    /// What is to be silenced, in place of which silence, when and why: one line for the audit log. What is short comes first,
    /// since the log cuts long texts.
    pub(super) fn described(&self) -> String {
        let mut line = match self.id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) => format!("change silence {id:?}"),
            None => "make silence".to_owned(),
        };
        for name in ["startsAt", "endsAt"] {
            if let Some(value) = self.others.0.get(name) {
                line.push_str(&format!(" {name}={value}"));
            }
        }
        let matchers: Vec<String> = self.matchers.iter().map(PostedMatcher::to_string).collect();
        line.push_str(&format!(" matchers={{{}}}", matchers.join(",")));
        if let Some(comment) = self.others.0.get("comment") {
            line.push_str(&format!(" comment={comment}"));
        }
        line
    }
}

/// The fields that are passed on as they are.
#[derive(Debug, Serialize)]
struct Fields(Map<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsOnce)
    }
}

struct FieldsOnce;

impl<'de> Visitor<'de> for FieldsOnce {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Map::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
            fields.insert(name, value);
        }
        Ok(Fields(fields))
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PostedMatcher {
    name: String,
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_regex: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_equal: Option<bool>,
}

impl fmt::Display for PostedMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let operator = self.operator().symbol();
        if plain {
            write!(f, "{}{operator}{:?}", self.name, self.value)
        } else {
            write!(f, "{:?}{operator}{:?}", self.name, self.value)
        }
    }
}

impl PostedMatcher {
    /// By the server's defaults: `isRegex` false, `isEqual` true.
    fn operator(&self) -> Operator {
        match (self.is_regex.unwrap_or(false), self.is_equal.unwrap_or(true)) {
            (false, true) => Operator::Equal,
            (false, false) => Operator::NotEqual,
            (true, true) => Operator::Matches,
            (true, false) => Operator::NotMatches,
        }
    }
}

/// The list, without silences that reach further.
pub(super) async fn list(
    exchange: &Exchange<'_>,
    admission: Admission,
    request: Request,
) -> Result<Reply, BackendError> {
    match exchange.narrowed_answer(request).await? {
        Ok((headers, body)) => {
            let list = own_silences(&body, admission.scope())?;
            exchange::json(admission, StatusCode::OK, headers, &Value::Array(list))
        }
        Err(response) => Ok(Reply::passed(admission, response)),
    }
}

/// The silences of a list that lie within the scope.
pub(super) fn own_silences(body: &[u8], scope: &Scope) -> Result<Vec<Value>, BackendError> {
    alerts::elements(body, |silence| is_own(silence, scope))
}

/// One silence.
pub(super) async fn show(
    exchange: &Exchange<'_>,
    admission: Admission,
    request: &Request,
) -> Result<Reply, BackendError> {
    match exchange.silence(known_id(&request.path)?).await? {
        Ok(Some((headers, body))) if is_own(&exchange::parse(&body)?, admission.scope()) => {
            Ok(Reply::json(admission, StatusCode::OK, headers, body))
        }
        Ok(_) => Ok(not_found(admission)),
        Err(response) => Ok(Reply::passed(admission, response)),
    }
}

/// Ends a silence.
pub(super) async fn expire(
    exchange: &Exchange<'_>,
    permit: &Permit,
    admission: Admission,
    request: Request,
) -> Result<Reply, BackendError> {
    let asked = ended(&request.path);
    let reply = match exchange.silence(known_id(&request.path)?).await? {
        Ok(answer) => match fate(answer.as_ref(), permit, admission.scope())? {
            Fate::Own => Reply::passed(admission, exchange.send(request).await?),
            Fate::Foreign => not_found(admission),
            Fate::OnlySeen(error) => return Err(error),
        },
        Err(response) => Reply::passed(admission, response),
    };
    Ok(reply.asked(Some(asked)))
}

/// The end of a silence by this path, for the audit log.
pub(super) fn ended(path: &str) -> String {
    format!("end silence {}", path.rsplit('/').next().unwrap_or_default())
}

/// Makes a silence, or a new version of one. It bears the name of who makes it, also where they see everything.
pub(super) async fn post(
    exchange: &Exchange<'_>,
    permit: &Permit,
    admission: Admission,
    mut request: Request,
) -> Result<Reply, BackendError> {
    let body = request.read_body().await?;
    let silence = narrow_posted(&body, permit, admission.scope())?;
    let asked = silence.described();
    let id = silence.id.as_deref().unwrap_or_default();
    if !id.is_empty() && *admission.scope() != Scope::Everything {
        match exchange.silence(id).await? {
            Ok(answer) => match fate(answer.as_ref(), permit, admission.scope())? {
                Fate::Own => {}
                Fate::Foreign => return Ok(not_found(admission).asked(Some(asked))),
                Fate::OnlySeen(error) => return Err(error),
            },
            Err(response) => return Ok(Reply::passed(admission, response).asked(Some(asked))),
        }
    }
    let body = serde_json::to_vec(&silence).map_err(|error| not_understood(error.to_string()))?;
    request.headers.remove(header::CONTENT_LENGTH);
    request.headers.remove(header::CONTENT_ENCODING);
    request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.body = RequestBody::Full(body.into());
    Ok(Reply::passed(admission, exchange.send(request).await?).asked(Some(asked)))
}

/// The silence to send in place of the one that was posted, if that lies within the scope.
pub(super) fn narrow_posted(body: &[u8], permit: &Permit, scope: &Scope) -> Result<Posted, BackendError> {
    let mut silence = read_posted(body)?;
    if let Scope::Only(selectors) = scope {
        if let Some(field) = silence.others.0.keys().find(|field| !KNOWN_FIELDS.contains(&field.as_str())) {
            return Err(not_understood(format!(
                "a silence has no field `{field}` that is understood; leave it out"
            )));
        }
        if silence.id.as_deref().is_some_and(|id| !id.is_empty() && !endpoints::is_silence_id(id)) {
            return Err(not_understood(
                "a silence's `id` is a UUID; leave it out for a new silence".to_owned(),
            ));
        }
        check(confinement(&silence.matchers, selectors, scope))?;
    }
    silence.others.0.insert("createdBy".to_owned(), permit.subject().name().into());
    Ok(silence)
}

/// Reads what was posted. Two fields of one name, or names that only differ in case, could be read
/// differently by the server, so neither is accepted.
fn read_posted(body: &[u8]) -> Result<Posted, BackendError> {
    if body.len() > SILENCE_LIMIT_BYTES {
        return Err(BackendError::BodyTooLarge { limit_bytes: SILENCE_LIMIT_BYTES });
    }
    let silence: Posted = serde_json::from_slice(body)
        .map_err(|error| not_understood(format!("this is not a silence: {error}")))?;
    let alike = |field: &&String| {
        KNOWN_FIELDS.iter().any(|known| known.eq_ignore_ascii_case(field) && known != field)
    };
    if let Some(field) = silence.others.0.keys().find(alike) {
        return Err(not_understood(format!("field `{field}` is written otherwise")));
    }
    if silence.matchers.len() > MOST_MATCHERS {
        return Err(not_understood(format!("a silence has at most {MOST_MATCHERS} matchers")));
    }
    Ok(silence)
}

/// What somebody can do about a silence that exists, or does not.
enum Fate {
    /// It lies within the scope of the action.
    Own,
    /// For them it does not exist.
    Foreign,
    /// They may see it, but not touch it.
    OnlySeen(BackendError),
}

fn fate(answer: Option<&Answer>, permit: &Permit, scope: &Scope) -> Result<Fate, BackendError> {
    let Some((_, body)) = answer else { return Ok(Fate::Foreign) };
    let silence: Value = exchange::parse(body)?;
    if is_own(&silence, scope) {
        return Ok(Fate::Own);
    }
    let is_seen = permit.admit("read").is_ok_and(|reading| is_own(&silence, reading.scope()));
    let reason = "your roles let you see this silence, but not change or end it".to_owned();
    Ok(if is_seen { Fate::OnlySeen(BackendError::NotNarrowable { reason }) } else { Fate::Foreign })
}

fn is_own(silence: &Value, scope: &Scope) -> bool {
    let Scope::Only(selectors) = scope else { return true };
    let Some(fields) = silence.as_object() else { return false };
    fields.keys().all(|field| KNOWN_FIELDS.contains(&field.as_str()))
        && Vec::<PostedMatcher>::deserialize(&silence["matchers"])
            .is_ok_and(|matchers| confinement(&matchers, selectors, scope) == Confinement::Confined)
}

/// Whether matchers stay within the scope. Those on labels of which the scope does not speak cannot matter and are not compiled.
fn confinement(matchers: &[PostedMatcher], selectors: &[Selector], scope: &Scope) -> Confinement {
    let spoken_of =
        |label: &str| selectors.iter().flat_map(Selector::matchers).any(|matcher| matcher.label() == label);
    let deciding: Vec<&PostedMatcher> = matchers.iter().filter(|matcher| spoken_of(&matcher.name)).collect();
    if deciding.len() > MOST_DECIDING_MATCHERS {
        return Confinement::Undecided;
    }
    let read: Result<Vec<Matcher>, _> = deciding
        .into_iter()
        .map(|matcher| Matcher::new(&matcher.name, matcher.operator(), &matcher.value))
        .collect();
    read.map_or(Confinement::Undecided, |matchers| confined(&matchers, scope))
}

fn check(confinement: Confinement) -> Result<(), BackendError> {
    let reason = match confinement {
        Confinement::Confined => return Ok(()),
        Confinement::Outside { missing } => format!(
            "this silence would also reach alerts that your roles do not cover; add {}",
            missing.join(", or ")
        ),
        Confinement::MatchesNothing => "no alert could ever satisfy all matchers of this silence".to_owned(),
        Confinement::Undecided => {
            "the patterns in this silence are too large, or written in a way that is not understood; \
             write plain values for the labels of your team"
                .to_owned()
        }
    };
    Err(BackendError::NotNarrowable { reason })
}

fn known_id(path: &str) -> Result<&str, BackendError> {
    endpoints::silence_id(path).ok_or_else(|| not_understood("a silence's id is a UUID".to_owned()))
}

/// What Alertmanager answers where there is no silence, in one form for those that are hidden and those that are not there.
fn not_found(admission: Admission) -> Reply {
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Reply::json(admission, StatusCode::NOT_FOUND, headers, Bytes::new())
}

fn not_understood(reason: String) -> BackendError {
    BackendError::NotUnderstood { reason }
}
