//! Login and logout.

use std::time::SystemTime;

use bartizan_access::identity::{Initiator, LoginError, initiator, safe_return_address};
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};

use super::{Door, guarded, page_of, view};
use crate::audit::Decision;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::listener::RequestBody;
use crate::request::Exchange;
use crate::respond::Answer;

/// A name, a password and an address to return to; more is no login form.
const FORM_BYTES: usize = 16 << 10;

#[derive(Default)]
struct LoginFields {
    csrf: String,
    user: String,
    password: String,
    return_to: String,
}

impl Gateway {
    /// Answers somebody who is nobody yet.
    pub(crate) async fn portal_door(
        &self,
        exchange: &mut Exchange,
        door: Door,
        request: Request<RequestBody>,
        now: SystemTime,
    ) -> Result<Answer, Failure> {
        match (door, request.method()) {
            (Door::Asset(media_type, content), &Method::GET | &Method::HEAD) => {
                Ok(asset(media_type, content))
            }
            (Door::Login, &Method::GET | &Method::HEAD) => {
                let return_to = query_value(request.uri().query(), "return_to");
                self.login_page(StatusCode::OK, request.headers(), &return_to, "", "")
            }
            (Door::Login, &Method::POST) => self.sign_in(exchange, request, now).await,
            (Door::Logout, &Method::POST) => self.sign_out(exchange, request, now).await,
            _ => Err(Failure::Method),
        }
    }

    fn login_page(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        return_to: &str,
        user: &str,
        notice: &str,
    ) -> Result<Answer, Failure> {
        let identity = self.shared().identity.load();
        if !identity.offers_login() {
            return Err(Failure::NoLoginPage);
        }
        let form = identity.login_form(headers);
        let return_to = safe_return_address(return_to);
        let answer = page_of(status, &view::LoginPage { csrf: &form.token, return_to, user, notice })?;
        Ok(match form.cookie {
            Some(cookie) => answer.with(header::SET_COOKIE, cookie),
            None => answer,
        })
    }

    async fn sign_in(
        &self,
        exchange: &mut Exchange,
        request: Request<RequestBody>,
        now: SystemTime,
    ) -> Result<Answer, Failure> {
        exchange.entry.record.event = "login";
        let (parts, body) = request.into_parts();
        let fields = login_fields(&form(body).await?);
        exchange.entry.record.claimed = Some(fields.user.clone());
        let identity = self.shared().identity.load_full();
        let foreign = initiator(&parts.headers, &exchange.authority) == Initiator::CrossSite;
        if foreign || !identity.is_own_login_form(&parts.headers, &fields.csrf) {
            exchange.entry.record.decision = Decision::Denied;
            exchange.entry.record.reason = Some("the form is not from this browser's login page".into());
            let notice = "The sign-in page was open for too long, or came from elsewhere. Please try again.";
            return self.login_page(
                StatusCode::FORBIDDEN,
                &parts.headers,
                &fields.return_to,
                &fields.user,
                notice,
            );
        }
        match identity.login(exchange.client, &fields.user, &fields.password, now).await {
            Ok(entered) => {
                exchange.entry.record.subject = Some(entered.subject);
                exchange.entry.record.claimed = None;
                let answer = Answer::see_other(safe_return_address(&fields.return_to));
                Ok(answer.with(header::SET_COOKIE, entered.cookie))
            }
            Err(error) => {
                exchange.entry.record.decision = Decision::Denied;
                exchange.entry.record.reason = Some(error.to_string());
                let (status, notice) = notice_of(&error);
                let page =
                    self.login_page(status, &parts.headers, &fields.return_to, &fields.user, &notice)?;
                Ok(match error {
                    LoginError::Throttled { retry_after } => {
                        page.with(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)))
                    }
                    _ => page,
                })
            }
        }
    }

    async fn sign_out(
        &self,
        exchange: &mut Exchange,
        request: Request<RequestBody>,
        now: SystemTime,
    ) -> Result<Answer, Failure> {
        exchange.entry.record.event = "logout";
        let (parts, body) = request.into_parts();
        let identity = self.shared().identity.load_full();
        let visitor = identity.establish(exchange.client, &parts.headers, now).await?;
        let token = field(&form(body).await?, "csrf");
        let foreign = initiator(&parts.headers, &exchange.authority) == Initiator::CrossSite;
        if foreign || !visitor.session.is_some_and(|session| session.is_own_form(&token)) {
            return Err(Failure::CrossSite);
        }
        exchange.entry.record.subject = Some(visitor.subject);
        Ok(Answer::see_other("/-/login").with(header::SET_COOKIE, identity.logout()))
    }
}

fn notice_of(error: &LoginError) -> (StatusCode, String) {
    match error {
        LoginError::Refused => {
            (StatusCode::UNAUTHORIZED, "That name and password do not fit. Please try again.".into())
        }
        LoginError::Throttled { retry_after } => {
            let seconds = retry_after.as_secs().max(1);
            (
                StatusCode::TOO_MANY_REQUESTS,
                format!("Too many failed attempts. Try again in {seconds} seconds."),
            )
        }
        LoginError::Busy => {
            (StatusCode::SERVICE_UNAVAILABLE, "Too many people are signing in. Try again in a moment.".into())
        }
        LoginError::NotOffered => (StatusCode::FORBIDDEN, "Nobody can sign in with a password here.".into()),
    }
}

/// A file of the pages. It changes with the program alone, so it may be kept, but is asked for again.
fn asset(media_type: &'static str, content: &'static str) -> Answer {
    guarded(Answer::own(StatusCode::OK, media_type, content))
}

async fn form(body: RequestBody) -> Result<Vec<(String, String)>, Failure> {
    let bytes = Limited::new(body, FORM_BYTES).collect().await.map_err(|_| Failure::Form)?.to_bytes();
    Ok(form_urlencoded::parse(&bytes).into_owned().collect())
}

fn field(form: &[(String, String)], name: &str) -> String {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

fn login_fields(form: &[(String, String)]) -> LoginFields {
    LoginFields {
        csrf: field(form, "csrf"),
        user: field(form, "user"),
        password: field(form, "password"),
        return_to: field(form, "return_to"),
    }
}

fn query_value(query: Option<&str>, name: &str) -> String {
    let pairs = form_urlencoded::parse(query.unwrap_or("").as_bytes());
    pairs.into_owned().find(|(key, _)| key == name).map(|(_, value)| value).unwrap_or_default()
}
