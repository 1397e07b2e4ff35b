//! The gateway's own pages: sign in, what is open to me, why, and the plugins.
//!
//! Rendered here, with no assets of others and under a policy that allows no scripts but our one. What a page
//! shows of backends and plugins is decided by the same policy as everything else: the gateway is a
//! backend of its own there, called `gateway`.

mod door;
mod view;

use std::sync::Arc;

use askama::Template;
use bartizan_access::identity::Established;
use bartizan_access::policy::Action;
use http::header::{self, HeaderValue};
use http::{Method, Request, StatusCode};

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::listener::RequestBody;
use crate::request::Exchange;
use crate::respond::Answer;

/// The gateway itself, as a policy names it.
pub(crate) const BACKEND: &str = "gateway";

const PLUGINS: &str = "plugins";

/// What a grant for `gateway` can allow.
pub(crate) const ACTIONS: &[Action] =
    &[Action { name: PLUGINS, narrowable: false, help: "see the plugins, their state and their errors" }];

/// Nothing but what this origin serves, and no frames around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What can be reached without having signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// The form (GET) and its check (POST).
    Login,
    /// Ends a session (POST).
    Logout,
    /// A file of the pages: its media type and content.
    Asset(&'static str, &'static str),
}

impl Door {
    /// The door at a path.
    pub(crate) fn find(path: &str) -> Option<Self> {
        match path {
            "/-/login" => Some(Door::Login),
            "/-/logout" => Some(Door::Logout),
            "/-/assets/portal.css" => {
                Some(Door::Asset("text/css; charset=utf-8", include_str!("assets/portal.css")))
            }
            "/-/assets/portal.js" => {
                Some(Door::Asset("text/javascript; charset=utf-8", include_str!("assets/portal.js")))
            }
            "/-/assets/bartizan.svg" | "/favicon.ico" => {
                Some(Door::Asset("image/svg+xml", include_str!("assets/bartizan.svg")))
            }
            _ => None,
        }
    }
}

/// A page for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// The tools that are open to them.
    Home,
    /// What they may see, and why.
    Me,
    /// The plugins.
    Plugins,
    /// The health of the tools that are open to them, as JSON, for the home page.
    Health,
}

impl Page {
    /// The page at a path.
    pub(crate) fn find(path: &str) -> Option<Self> {
        match path {
            "/" => Some(Page::Home),
            "/-/me" => Some(Page::Me),
            "/-/plugins" => Some(Page::Plugins),
            "/-/health" => Some(Page::Health),
            _ => None,
        }
    }
}

/// What every page's frame shows.
pub(crate) struct Frame {
    at: &'static str,
    user: String,
    csrf: String,
    plugins: bool,
}

impl Gateway {
    /// Shows a page to somebody who has signed in.
    pub(crate) async fn portal_page(
        &self,
        _exchange: &mut Exchange,
        page: Page,
        visitor: &Established,
        request: Request<RequestBody>,
    ) -> Result<Answer, Failure> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Failure::Method);
        }
        let plan = self.house().plan.clone();
        let plugins = plan
            .policy
            .decide(&visitor.subject, &Arc::from(BACKEND))
            .and_then(|permit| permit.admit(PLUGINS));
        let frame = |at| Frame {
            at,
            user: visitor.subject.name().to_owned(),
            csrf: visitor.session.as_ref().map(|session| session.csrf_token()).unwrap_or_default(),
            plugins: plugins.is_ok(),
        };
        match page {
            Page::Home => page_of(StatusCode::OK, &view::Home::new(frame("home"), &plan, &visitor.subject)),
            Page::Me => page_of(StatusCode::OK, &view::Me::new(frame("me"), &plan, &visitor.subject)),
            Page::Plugins => {
                let shown = plugins.as_ref().map_err(|denied| Failure::Denied(denied.clone()));
                shown?;
                page_of(StatusCode::OK, &view::Plugins::new(frame("plugins"), self.shared().plugins.status()))
            }
            Page::Health => {
                let health = view::health_of(&plan, &visitor.subject);
                Ok(Answer::own(StatusCode::OK, "application/json", health.to_string()))
            }
        }
    }
}

/// The address of the login page that leads back afterwards.
pub(crate) fn login_address(return_to: &str) -> String {
    if return_to == "/" {
        return "/-/login".to_owned();
    }
    let encoded: String = form_urlencoded::byte_serialize(return_to.as_bytes()).collect();
    format!("/-/login?return_to={encoded}")
}

/// A page that says what went wrong.
pub(crate) fn failure_page(status: StatusCode, sentence: &str, request_id: &str) -> Answer {
    let title = match status {
        StatusCode::FORBIDDEN => "This is not open to you",
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::UNAUTHORIZED => "Please sign in",
        StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
        status if status.is_server_error() => "No answer right now",
        _ => "This request was not understood",
    };
    let page = view::FailurePage { title, sentence, request_id };
    page_of(status, &page)
        .unwrap_or_else(|_| Answer::own(status, "text/plain; charset=utf-8", sentence.to_owned()))
}

/// Renders a page with the headers that keep it to itself.
fn page_of(status: StatusCode, page: &impl Template) -> Result<Answer, Failure> {
    let html = page.render().map_err(|_| Failure::Page)?;
    Ok(guarded(Answer::own(status, "text/html; charset=utf-8", html)))
}

fn guarded(answer: Answer) -> Answer {
    answer
        .with(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY))
        .with(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
        .with(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
        .with(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"))
}

#[cfg(test)]
mod tests;
