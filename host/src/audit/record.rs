//! One line of the audit log.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bartizan_access::identity::Subject;
use http::Method;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::chain::sealed;

/// Of longer text (a query, a path) the middle is left out; its length and hash stand in for it.
const LONGEST_TEXT_BYTES: usize = 16 << 10;
/// The same where nobody was let in: strangers get little room.
const LONGEST_OF_STRANGERS_BYTES: usize = 512;
/// Parameters whose values are credentials, which people put into addresses although they should not.
const SECRET_PARAMETERS: [&str; 7] =
    ["access_token", "api_key", "apikey", "id_token", "password", "refresh_token", "token"];

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Shown.
    Allowed,
    /// Not shown, because the policy or the rules of the protocol say so.
    Denied,
    /// Permitted, but there was no answer.
    Failed,
}

/// Who saw what, by which right. Members that do not apply are left out.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) time: SystemTime,
    pub(crate) request_id: String,
    /// What happened: `request`, `login`, `logout`, `reload`.
    pub(crate) event: &'static str,
    pub(crate) decision: Decision,
    pub(crate) subject: Option<Arc<Subject>>,
    /// The name that somebody claimed who was not let in.
    pub(crate) claimed: Option<String>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) method: Option<Method>,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// What the body asked, where the question stood there.
    pub(crate) asked: Option<String>,
    pub(crate) narrowed_query: Option<String>,
    pub(crate) backend: Option<Arc<str>>,
    pub(crate) action: Option<&'static str>,
    pub(crate) roles: Vec<Arc<str>>,
    pub(crate) reason: Option<String>,
    pub(crate) status: u16,
    pub(crate) sent_bytes: u64,
    /// How many values of each kind were redacted.
    pub(crate) redacted: Vec<(&'static str, u64)>,
    /// Whether the answer reached its end.
    pub(crate) complete: bool,
    pub(crate) duration: Duration,
}

impl Record {
    /// A record of a request about which nothing else is known yet.
    pub(crate) fn of_request(time: SystemTime, request_id: String, client: IpAddr) -> Self {
        Record { request_id, client: Some(client), ..Record::of_event("request", time) }
    }

    /// A record of something that no request asked for.
    pub(crate) fn of_event(event: &'static str, time: SystemTime) -> Self {
        Record {
            time,
            request_id: String::new(),
            event,
            decision: Decision::Allowed,
            subject: None,
            claimed: None,
            client: None,
            method: None,
            path: String::new(),
            query: None,
            asked: None,
            narrowed_query: None,
            backend: None,
            action: None,
            roles: Vec::new(),
            reason: None,
            status: 0,
            sent_bytes: 0,
            redacted: Vec::new(),
            complete: false,
            duration: Duration::ZERO,
        }
    }

    /// Appends the record as a JSON object without its closing brace, which the chain adds.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        match serde_json::to_writer(&mut *out, self) {
            Ok(()) => {
                out.pop();
            }
            Err(_) => {
                out.truncate(start);
                out.extend_from_slice(b"{\"event\":\"unwritable record\"");
            }
        }
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &rfc3339(self.time))?;
        if !self.request_id.is_empty() {
            map.serialize_entry("request_id", &self.request_id)?;
        }
        map.serialize_entry("event", self.event)?;
        let decision = match self.decision {
            Decision::Allowed => "allowed",
            Decision::Denied => "denied",
            Decision::Failed => "failed",
        };
        map.serialize_entry("decision", decision)?;
        if let Some(subject) = &self.subject {
            map.serialize_entry("user", subject.name())?;
            map.serialize_entry("groups", subject.groups())?;
            map.serialize_entry("login", subject.login().name())?;
        }
        let longest = if self.subject.is_some() { LONGEST_TEXT_BYTES } else { LONGEST_OF_STRANGERS_BYTES };
        let cut = |text| cut(text, longest);
        entry(&mut map, "claimed", self.claimed.as_deref().map(cut))?;
        entry(&mut map, "client", self.client)?;
        if let Some(method) = &self.method {
            map.serialize_entry("method", method.as_str())?;
            map.serialize_entry("path", &cut(&self.path))?;
        }
        let query = self.query.as_deref().map(without_secrets);
        entry(&mut map, "query", query.as_deref().map(cut))?;
        entry(&mut map, "asked", self.asked.as_deref().map(cut))?;
        entry(&mut map, "narrowed_query", self.narrowed_query.as_deref().map(cut))?;
        entry(&mut map, "backend", self.backend.as_deref())?;
        entry(&mut map, "action", self.action)?;
        if !self.roles.is_empty() {
            map.serialize_entry("roles", &self.roles.iter().map(|role| &**role).collect::<Vec<_>>())?;
        }
        entry(&mut map, "reason", self.reason.as_deref())?;
        if self.status != 0 {
            map.serialize_entry("status", &self.status)?;
            map.serialize_entry("sent_bytes", &self.sent_bytes)?;
            map.serialize_entry("complete", &self.complete)?;
            map.serialize_entry(
                "duration_us",
                &u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX),
            )?;
        }
        if !self.redacted.is_empty() {
            map.serialize_entry(
                "redacted",
                &self.redacted.iter().copied().collect::<std::collections::BTreeMap<_, _>>(),
            )?;
        }
        map.end()
    }
}

fn entry<M: SerializeMap, T: Serialize>(
    map: &mut M,
    name: &'static str,
    value: Option<T>,
) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(name, &value),
        None => Ok(()),
    }
}

/// The text, or where it is longer its beginning and end: a question cannot hide behind padding.
fn cut(text: &str, longest: usize) -> Cow<'_, str> {
    if text.len() <= longest {
        return Cow::Borrowed(text);
    }
    let begin = &text[..text.floor_char_boundary(longest / 2)];
    let end = &text[text.ceil_char_boundary(text.len() - longest / 2)..];
    let hash = sealed(text.as_bytes());
    Cow::Owned(format!("{begin} …[of {} bytes, SHA-256 {hash}]… {end}", text.len()))
}

/// A raw query whose credentials are left out.
fn without_secrets(query: &str) -> Cow<'_, str> {
    let is_secret = |pair: &str| {
        let name = pair.split('=').next().unwrap_or("");
        SECRET_PARAMETERS.iter().any(|secret| name.eq_ignore_ascii_case(secret))
    };
    if !query.split('&').any(is_secret) {
        return Cow::Borrowed(query);
    }
    let shown = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret(pair) => format!("{name}=[secret]"),
        _ => pair.to_owned(),
    };
    Cow::Owned(query.split('&').map(shown).collect::<Vec<_>>().join("&"))
}

/// A time as RFC 3339 in UTC with milliseconds.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    // Each record has one: digits are put in place rather than formatted.
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let fields = [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, seconds / 3600),
        (14, 2, seconds / 60 % 60),
        (17, 2, seconds % 60),
        (20, 3, u64::from(since.subsec_millis())),
    ];
    for (at, length, mut number) in fields {
        for place in text[at..at + length].iter_mut().rev() {
            *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

/// The proleptic Gregorian date of a number of days since 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, so that the leap day ends a year of this calendar.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}
