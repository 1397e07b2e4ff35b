//! The one place where an error becomes a status and a sentence for the client.
//!
//! The cause goes to the log with the request id. The client reads what to do about it, never internal
//! text: no address of a backend, no file, no hidden value. Where a sentence quotes anything, it is
//! what the client itself sent, or the name of a backend that the portal shows anyway.

use bartizan_access::identity::IdentityError;
use bartizan_access::policy::Denied;
use bartizan_backend::BackendError;
use bartizan_backend::upstream::UpstreamError;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use crate::listener::{BodyError, Refusal};
use crate::portal;
use crate::respond::Answer;

/// Why a request is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The edge does not take the request up.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request's body went beyond what a client may do.
    #[error("the request's body was refused: {0:?}")]
    Body(BodyRefusal),
    /// Nothing is served at this path.
    #[error("no route")]
    NoRoute,
    /// The path is known, the method is not served there.
    #[error("method not served")]
    Method,
    /// A form was not sent whole, or is too large.
    #[error("the form could not be read")]
    Form,
    /// There are no built-in users.
    #[error("there is no login page")]
    NoLoginPage,
    /// A page could not be rendered.
    #[error("a page could not be rendered")]
    Page,
    /// Nobody is signed in, or the evidence in the request was refused.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Another site's page made the browser send this.
    #[error("the request came from another site")]
    CrossSite,
    /// The policy says no.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The backend said nothing that can be shown, or was not asked.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The answer cannot be redacted, and the person needs it redacted.
    #[error("{what} cannot be redacted")]
    Unredactable {
        /// What it is.
        what: String,
    },
    /// The audit log cannot be written, so nothing may be shown.
    #[error("the audit log cannot be written")]
    AuditUnavailable,
}

/// What a client did with a request's body that it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyRefusal {
    /// It is larger than the limit.
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// It did not come in time.
    Stalled,
}

impl BodyRefusal {
    /// The refusal behind an error of the listener, if it is one.
    pub(crate) fn of(error: &BodyError) -> Option<Self> {
        match error {
            BodyError::TooLarge { limit_bytes } => Some(BodyRefusal::TooLarge { limit_bytes: *limit_bytes }),
            BodyError::Stalled { .. } => Some(BodyRefusal::Stalled),
            BodyError::Broken(_) => None,
        }
    }
}

/// Where the policy's keeper is asked; part of several sentences.
const ASK: &str = "If you need it, ask whoever keeps the monitoring policy, and give them the request id.";

impl Failure {
    /// The status (RFC 9110 section 15) and a word for programs, as Prometheus' API calls it in `errorType`.
    pub(crate) fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Failure::Refused(refusal) => (refusal.status(), "bad_request"),
            Failure::Body(BodyRefusal::TooLarge { .. }) => (StatusCode::PAYLOAD_TOO_LARGE, "bad_data"),
            Failure::Body(BodyRefusal::Stalled) => (StatusCode::REQUEST_TIMEOUT, "timeout"),
            Failure::NoRoute => (StatusCode::NOT_FOUND, "not_found"),
            Failure::Method => (StatusCode::METHOD_NOT_ALLOWED, "bad_request"),
            Failure::Form => (StatusCode::BAD_REQUEST, "bad_request"),
            Failure::NoLoginPage => (StatusCode::NOT_FOUND, "not_found"),
            Failure::Page => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Failure::Identity(IdentityError::Throttled { .. }) => {
                (StatusCode::TOO_MANY_REQUESTS, "throttled")
            }
            Failure::Identity(IdentityError::Busy | IdentityError::KeysUnavailable { .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
            Failure::Identity(_) => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Failure::CrossSite | Failure::Denied(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Failure::Backend(error) => backend_status(error),
            Failure::Unredactable { .. } => (StatusCode::FORBIDDEN, "forbidden"),
            Failure::AuditUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }

    /// The sentence that the client reads.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Failure::Refused(refusal) => format!("The request was not taken up: {refusal}."),
            Failure::Body(BodyRefusal::TooLarge { limit_bytes }) => {
                format!("The body is larger than {limit_bytes} bytes.")
            }
            Failure::Body(BodyRefusal::Stalled) => "The request's body did not arrive in time.".into(),
            Failure::NoRoute => "Nothing is served at this address.".into(),
            Failure::Method => "This address does not answer to that method.".into(),
            Failure::Form => "The form did not arrive whole. Go back and try again.".into(),
            Failure::NoLoginPage => "Nobody signs in with a password here; use a bearer token.".into(),
            Failure::Page => {
                "This page could not be made. Tell whoever runs this gateway, with the request id.".into()
            }
            Failure::Identity(IdentityError::Anonymous) => {
                "Sign in first: with a browser at /-/login, or with HTTP Basic or a bearer token.".into()
            }
            Failure::Identity(IdentityError::Throttled { retry_after }) => {
                format!("Too many failed attempts. Try again in {} seconds.", retry_after.as_secs().max(1))
            }
            Failure::Identity(IdentityError::Busy | IdentityError::KeysUnavailable { .. }) => {
                "Your sign-in cannot be checked right now. Try again in a moment.".into()
            }
            Failure::Identity(_) => {
                "Your sign-in was not accepted: it is wrong, has expired, or is not for this gateway.".into()
            }
            Failure::CrossSite => {
                "This request came from another site's page and was not carried out.".into()
            }
            Failure::Denied(Denied::Action { backend, action, .. }) => {
                format!("Your roles do not include `{action}` on {backend}. {ASK}")
            }
            Failure::Denied(_) => format!("Your roles do not include this. {ASK}"),
            Failure::Backend(error) => backend_sentence(error),
            Failure::Unredactable { what } => {
                format!(
                    "Personal data is redacted for you here, and {what} cannot be redacted, so it is not shown. {ASK}"
                )
            }
            Failure::AuditUnavailable => {
                "The audit log cannot be written, so nothing is shown. Tell whoever runs this gateway.".into()
            }
        }
    }

    /// The answer: a page for browsers, JSON for everything else.
    pub(crate) fn answer(&self, wants_page: bool, return_to: &str, request_id: &str) -> Answer {
        let (status, word) = self.status();
        if wants_page
            && matches!(self, Failure::Identity(IdentityError::Anonymous | IdentityError::Session(_)))
        {
            return Answer::see_other(&portal::login_address(return_to));
        }
        let mut answer = if wants_page {
            portal::failure_page(status, &self.sentence(), request_id)
        } else {
            let body = serde_json::json!({
                "status": "error", "errorType": word, "error": self.sentence(), "request_id": request_id,
            });
            Answer::own(status, "application/json", body.to_string())
        };
        if status == StatusCode::UNAUTHORIZED {
            answer =
                answer.with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"bartizan\""));
        }
        if let Failure::Identity(IdentityError::Throttled { retry_after }) = self {
            answer = answer.with(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
        }
        answer
    }

    /// Whether the policy or the protocol said no, rather than something broke.
    pub(crate) fn is_denial(&self) -> bool {
        self.status().0.is_client_error()
    }
}

/// Whether the client is a browser that shows a page: a navigation, or somebody who prefers HTML.
pub(crate) fn wants_page(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(mode) = says("sec-fetch-mode") {
        return mode == "navigate";
    }
    (*method == Method::GET || *method == Method::HEAD)
        && says("accept").is_some_and(|accept| accept.contains("text/html"))
        && says("x-requested-with").is_none()
}

fn backend_status(error: &BackendError) -> (StatusCode, &'static str) {
    match error {
        BackendError::Denied(_)
        | BackendError::UnknownOperation { .. }
        | BackendError::NotNarrowable { .. } => (StatusCode::FORBIDDEN, "forbidden"),
        BackendError::NotUnderstood { .. } | BackendError::BodyUnreadable => {
            (StatusCode::BAD_REQUEST, "bad_data")
        }
        BackendError::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "bad_data"),
        BackendError::AnswerNotUnderstood { .. } => (StatusCode::BAD_GATEWAY, "unavailable"),
        BackendError::Upstream(UpstreamError::Timeout { .. }) => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
        BackendError::Upstream(UpstreamError::NoReplica { .. } | UpstreamError::Empty) => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
        BackendError::Upstream(UpstreamError::RequestBody) => (StatusCode::BAD_REQUEST, "bad_data"),
        BackendError::Upstream(_) => (StatusCode::BAD_GATEWAY, "unavailable"),
        BackendError::Gone => (StatusCode::NOT_FOUND, "not_found"),
    }
}

fn backend_sentence(error: &BackendError) -> String {
    match error {
        BackendError::Denied(denied) => Failure::Denied(denied.clone()).sentence(),
        BackendError::UnknownOperation { .. } => {
            format!("This operation is not one that the gateway understands, so it is not passed on. {ASK}")
        }
        BackendError::NotUnderstood { reason } | BackendError::NotNarrowable { reason } => reason.clone(),
        BackendError::BodyTooLarge { limit_bytes } => format!("The body is larger than {limit_bytes} bytes."),
        BackendError::BodyUnreadable | BackendError::Upstream(UpstreamError::RequestBody) => "The request's body did not arrive whole.".into(),
        BackendError::AnswerNotUnderstood { .. } => {
            "The backend answered with something that cannot be narrowed to what you may see, so it is not shown.".into()
        }
        BackendError::Upstream(UpstreamError::Timeout { .. }) => {
            "The backend took too long to answer. Ask for less, or try again.".into()
        }
        BackendError::Upstream(_) => "The backend cannot be reached right now. Try again in a moment.".into(),
        BackendError::Gone => "Nothing is served at this address any more.".into(),
    }
}
