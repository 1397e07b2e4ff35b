//! One request, from the listener to its answer: the map of the product.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use bartizan_access::identity::{self, Established, Initiator, Login};
use bartizan_backend as backend;

use http::header::{self, HeaderValue};
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::BodyExt;

use crate::audit::{Decision, Record};
use crate::failure::{BodyRefusal, Failure, wants_page};
use crate::gateway::{Gateway, Ledger};
use crate::listener::headers::{strip_hop_by_hop, strip_trusted, wants_websocket};
use crate::listener::target::Host;
use crate::listener::{Application, Arrival, Peer, Refusal, RequestBody};
use crate::respond::{self, Answer, AnswerBody};
use crate::routes::Route;

impl Gateway {
    /// Who is asking, where to, may they, fetch it, redact it.
    async fn answer(
        &self,
        exchange: &mut Exchange,
        request: Request<RequestBody>,
    ) -> Result<Answer, Failure> {
        let now = exchange.entry.record.time;
        let house = self.house();
        self.audit_is_kept()?;
        let route =
            house.plan.routes.find(&exchange.host, &exchange.entry.record.path).ok_or(Failure::NoRoute)?;
        if let Route::Door(door) = route {
            return self.portal_door(exchange, door, request, now).await;
        }
        let visitor =
            self.shared().identity.load_full().establish(exchange.client, request.headers(), now).await?;
        exchange.entry.arrived(&visitor);
        exchange.refuse_other_sites(&visitor, &request)?;
        let answer = match route {
            Route::Door(_) => return Err(Failure::NoRoute),
            Route::Page(page) => self.portal_page(exchange, page, &visitor, request).await?,
            Route::Backend { name, path } => {
                exchange.entry.record.backend = Some(name.clone());
                let permit = house.plan.policy.decide(&visitor.subject, &name)?;
                let reply = house
                    .backends
                    .send(&permit, exchange.forwarded(path, request, house.plan.body_limit_bytes))
                    .await?;
                respond::redacted(&permit, reply, &mut exchange.entry)?
            }
        };
        Ok(renewed(answer, &visitor))
    }
}

impl Application for Gateway {
    type Body = AnswerBody;

    async fn call(self: Rc<Self>, arrival: Arrival) -> Response<AnswerBody> {
        let Arrival { peer, path, host, request } = arrival;
        let mut exchange = Exchange::new(&self, &peer, path.as_str(), &host, &request);
        let outcome = self.answer(&mut exchange, request).await;
        let mut answer = match outcome {
            Ok(answer) => answer,
            Err(failure) => match exchange.body_refusal.get() {
                Some(refusal) => exchange.failed(&Failure::Body(refusal)),
                None => exchange.failed(&failure),
            },
        };
        if let Some(tunnel) = answer.take_tunnel() {
            self.run_tunnel(tunnel);
        }
        exchange.close(answer)
    }

    fn refuse(&self, peer: &Peer, refusal: &Refusal) -> Response<AnswerBody> {
        let mut exchange = Exchange::refused(self, peer);
        let answer = exchange.failed(&Failure::Refused(*refusal));
        exchange.close(answer)
    }
}

/// The header by which an answer names its line in the log and in the audit log.
const REQUEST_ID: header::HeaderName = header::HeaderName::from_static("x-request-id");

/// What is known about a request besides the request, from its arrival to its answer.
pub(crate) struct Exchange {
    pub(crate) client: IpAddr,
    pub(crate) host: Box<str>,
    pub(crate) authority: String,
    pub(crate) wants_page: bool,
    /// Why the client's body was not read to its end, where that was the client's doing: what a backend's
    /// module says then is only that it broke off.
    body_refusal: Rc<Cell<Option<BodyRefusal>>>,
    pub(crate) entry: Entry,
}

impl Exchange {
    fn new(gateway: &Gateway, peer: &Peer, path: &str, host: &Host, request: &Request<RequestBody>) -> Self {
        let mut exchange = Exchange::refused(gateway, peer);
        exchange.host = host.name.clone();
        exchange.authority = authority(host);
        exchange.wants_page = wants_page(request.method(), request.headers());
        let record = &mut exchange.entry.record;
        record.method = Some(request.method().clone());
        record.path = path.to_owned();
        record.query = request.uri().query().map(str::to_owned);
        exchange
    }

    /// What is known about a request that was not taken up: hardly anything of it is to be believed.
    fn refused(gateway: &Gateway, peer: &Peer) -> Self {
        let record = Record::of_request(SystemTime::now(), gateway.next_request_id(), peer.client);
        Exchange {
            client: peer.client,
            host: "".into(),
            authority: String::new(),
            wants_page: false,
            body_refusal: Rc::default(),
            entry: Entry { record, started: Instant::now(), ledger: gateway.ledger() },
        }
    }

    /// The answer on its way out, with the name of its line in the logs.
    fn close(self, answer: Answer) -> Response<AnswerBody> {
        let name = self.request_id_header();
        answer.with(REQUEST_ID, name).into_response(self.entry)
    }

    /// What could change something, or opens a channel, and is vouched for by what a browser sends by itself, must
    /// come from one of our own pages; of HTTP Basic, which scripts use as well, only what says that it does not is refused.
    fn refuse_other_sites(
        &self,
        visitor: &Established,
        request: &Request<RequestBody>,
    ) -> Result<(), Failure> {
        let safe =
            matches!(*request.method(), Method::GET | Method::HEAD) && !wants_websocket(request.headers());
        let allowed = safe
            || match (visitor.subject.login(), identity::initiator(request.headers(), &self.authority)) {
                (Login::Jwt { .. }, _) | (_, Initiator::SameOrigin) | (Login::Basic, Initiator::Unknown) => {
                    true
                }
                (Login::Session, _) | (Login::Basic, Initiator::CrossSite) => false,
            };
        if allowed { Ok(()) } else { Err(Failure::CrossSite) }
    }

    /// The request as the backend sees it: without what was for us, and with who asks us from where.
    fn forwarded(
        &self,
        path: String,
        request: Request<RequestBody>,
        body_limit_bytes: usize,
    ) -> backend::Request {
        let (mut parts, body) = request.into_parts();
        let upgrade = if wants_websocket(&parts.headers) {
            parts.extensions.remove::<hyper::upgrade::OnUpgrade>()
        } else {
            None
        };
        let headers = &mut parts.headers;
        strip_hop_by_hop(headers);
        strip_trusted(headers);
        headers.remove(header::HOST);
        headers.remove(header::EXPECT);
        identity::remove_evidence(headers);
        if let Ok(client) = HeaderValue::from_str(&self.client.to_string()) {
            headers.insert("x-forwarded-for", client);
        }
        if let Ok(authority) = HeaderValue::from_str(&self.authority) {
            headers.insert("x-forwarded-host", authority);
        }
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        headers.insert(REQUEST_ID, self.request_id_header());
        let query = parts.uri.query().map(str::to_owned);
        let body = if body.is_end_stream() {
            backend::RequestBody::Empty
        } else {
            let refused = self.body_refusal.clone();
            backend::RequestBody::Stream(Box::pin(body.map_err(move |error| {
                refused.set(BodyRefusal::of(&error));
                error.into()
            })))
        };
        let replayable = backend::Request::is_safe(&parts.method);
        backend::Request {
            method: parts.method,
            path,
            query,
            headers: parts.headers,
            body,
            body_limit_bytes,
            replayable,
            upgrade,
        }
    }

    fn failed(&mut self, failure: &Failure) -> Answer {
        let record = &mut self.entry.record;
        record.decision = if failure.is_denial() { Decision::Denied } else { Decision::Failed };
        record.reason = Some(failure.to_string());
        tracing::info!(request_id = %record.request_id, path = %record.path, cause = %failure, "not answered");
        let return_to = match (&record.method, &record.query) {
            (Some(Method::GET), Some(query)) => format!("{}?{query}", record.path),
            (Some(Method::GET), None) => record.path.clone(),
            _ => "/".to_owned(),
        };
        failure.answer(self.wants_page, &return_to, &record.request_id)
    }

    fn request_id_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.entry.record.request_id).unwrap_or(HeaderValue::from_static("-"))
    }
}

/// A session that is used goes on: its cookie is renewed now and then.
fn renewed(answer: Answer, visitor: &Established) -> Answer {
    match visitor.session.as_ref().and_then(|session| session.renewal()) {
        Some(cookie) => answer.with(header::SET_COOKIE, cookie.clone()),
        None => answer,
    }
}

/// Host and port as the client named them.
fn authority(host: &Host) -> String {
    match host.port {
        Some(port) => format!("{}:{port}", host.name),
        None => host.name.to_string(),
    }
}

/// A request's line in the audit log, kept once its answer has ended.
pub(crate) struct Entry {
    pub(crate) record: Record,
    started: Instant,
    ledger: Rc<Ledger>,
}

impl Entry {
    fn arrived(&mut self, visitor: &Established) {
        self.record.subject = Some(visitor.subject.clone());
    }

    /// Keeps the record, and counts the request.
    pub(crate) fn keep(&mut self) {
        self.record.duration = self.started.elapsed();
        self.ledger.keep(&self.record);
    }
}
