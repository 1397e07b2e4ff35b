//! What a token with a right signature says, and whether that is for us and for now.

use serde_json::{Map, Value};

use crate::identity::failure::TokenFault;
use crate::identity::settings::IssuerSettings;
use crate::identity::subject::{Login, Subject};

const LONGEST_NAME: usize = 256;
const LONGEST_GROUP: usize = 256;
/// The largest directories put some hundred groups into a token.
const MOST_GROUPS: usize = 1000;

/// The subject, and the second at which the token ends for us (leeway included).
pub(super) fn subject(
    settings: &IssuerSettings,
    claims: &Map<String, Value>,
    now_seconds: u64,
) -> Result<(Subject, u64), TokenFault> {
    check_audience(settings, claims)?;
    let ends_seconds = check_times(settings, claims, now_seconds)?;
    let name = user_name(settings, claims)?;
    let groups = groups(settings, claims)?;
    let login = Login::Jwt { issuer: settings.issuer.clone() };
    Ok((Subject::new(name, groups, login), ends_seconds))
}

/// A string, or a list of strings (RFC 7519, 4.1.3).
fn check_audience(settings: &IssuerSettings, claims: &Map<String, Value>) -> Result<(), TokenFault> {
    let wrong = || TokenFault::Claim { claim: "aud".to_owned() };
    let named = match claims.get("aud") {
        Some(Value::String(audience)) => vec![audience.as_str()],
        Some(Value::Array(list)) => {
            list.iter().map(|item| item.as_str().ok_or_else(wrong)).collect::<Result<_, _>>()?
        }
        _ => return Err(wrong()),
    };
    let is_ours = named.iter().any(|audience| settings.audiences.iter().any(|ours| ours == audience));
    if is_ours { Ok(()) } else { Err(TokenFault::Audience) }
}

/// `exp` has to be there, `nbf` and `iat` count where they are.
fn check_times(
    settings: &IssuerSettings,
    claims: &Map<String, Value>,
    now_seconds: u64,
) -> Result<u64, TokenFault> {
    let leeway = settings.leeway.as_secs();
    let expires = date(claims, "exp")?.ok_or_else(|| TokenFault::Claim { claim: "exp".to_owned() })?;
    let ends = expires.saturating_add(leeway);
    if now_seconds >= ends {
        return Err(TokenFault::Expired { seconds_ago: now_seconds - expires });
    }
    if expires.saturating_sub(now_seconds) > settings.longest_validity.as_secs().saturating_add(leeway) {
        return Err(TokenFault::ValidTooLong);
    }
    for claim in ["nbf", "iat"] {
        let begins = date(claims, claim)?.unwrap_or(0);
        if begins > now_seconds.saturating_add(leeway) {
            return Err(TokenFault::NotYetValid { in_seconds: begins - now_seconds });
        }
    }
    Ok(ends)
}

/// A NumericDate: seconds since 1970, also with a fraction, which is cut off.
fn date(claims: &Map<String, Value>, claim: &str) -> Result<Option<u64>, TokenFault> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = match value.as_u64() {
        Some(seconds) => Some(seconds),
        // The conversion saturates; what is that large is refused as valid for too long.
        None => value.as_f64().filter(|seconds| *seconds >= 0.0).map(|seconds| seconds as u64),
    };
    seconds.map(Some).ok_or_else(|| TokenFault::Claim { claim: claim.to_owned() })
}

fn user_name(settings: &IssuerSettings, claims: &Map<String, Value>) -> Result<String, TokenFault> {
    let path = &settings.user_claim;
    let name = find(claims, path).and_then(Value::as_str);
    let name = name.ok_or_else(|| TokenFault::Claim { claim: path.clone() })?;
    if name.len() > LONGEST_NAME || !is_clean(name) {
        return Err(TokenFault::UserName);
    }
    Ok(format!("{}{name}", settings.user_prefix))
}

/// A list of strings, or one string, which is one group: nothing is split at commas or spaces. Absent or
/// null: none.
fn groups(settings: &IssuerSettings, claims: &Map<String, Value>) -> Result<Vec<String>, TokenFault> {
    let path = &settings.groups_claim;
    let wrong = || TokenFault::Claim { claim: path.clone() };
    let named: Vec<&str> = match find(claims, path) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(group)) => vec![group],
        Some(Value::Array(list)) => {
            list.iter().map(|item| item.as_str().ok_or_else(wrong)).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(wrong()),
    };
    if named.len() > MOST_GROUPS || named.iter().any(|group| group.len() > LONGEST_GROUP || !is_clean(group))
    {
        return Err(TokenFault::Groups);
    }
    Ok(named.into_iter().map(|group| format!("{}{group}", settings.groups_prefix)).collect())
}

/// Neither empty nor with anything that is invisible in a log, a header or a page.
fn is_clean(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains(char::is_control)
}

/// The value at a path with dots. Names may hold dots themselves (`https://id.example/groups`): the longest
/// name that exists is taken.
fn find<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    path.rmatch_indices('.').find_map(|(dot, _)| match claims.get(&path[..dot]) {
        Some(Value::Object(inner)) => find(inner, &path[dot + 1..]),
        _ => None,
    })
}
