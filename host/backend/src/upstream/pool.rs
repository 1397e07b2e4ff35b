//! The replicas of one backend, as one worker sees them.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, Method, StatusCode, header};
use http_body::Body as _;
use tokio::time::Instant;

use super::body::{Body, Streaming};
use super::connection::Connection;
use super::exchange::{Failed, Progress, Terms, exchange};
use super::failure::{Phase, UpstreamError};
use super::head::{self, Announced, Head, Target};
use super::health::Health;
use super::outgoing::Outgoing;
use super::response::Response;
use super::settings::{Balance, PoolSettings};
use super::shelf::Shelf;
use super::tunnel::Tunnel;
use crate::{Request, RequestBody};

/// A request that may be sent again may take so many times its deadline to the first byte, over all replicas that
/// are tried.
const OVERALL_FACTOR: u32 = 2;

/// The replicas of a backend with this worker's connections to them.
///
/// It belongs to one thread: connections go back to it when the answers on them are read.
pub struct Pool {
    settings: Arc<PoolSettings>,
    health: Arc<Health>,
    shelves: Vec<Rc<Shelf>>,
    /// Where the next turn begins.
    turn: Cell<usize>,
}

/// One try of a request.
#[derive(Clone, Copy)]
struct Attempt {
    /// Of which replica.
    index: usize,
    replayable: bool,
    give_up: Option<Instant>,
}

impl Pool {
    /// A pool without connections. `health` is made of the same settings and shared by all workers.
    pub fn new(settings: Arc<PoolSettings>, health: Arc<Health>) -> Pool {
        let shelf = |_| Rc::new(Shelf::new(settings.max_idle_per_replica, settings.idle_timeout));
        let shelves = settings.replicas.iter().map(shelf).collect();
        Pool { settings, health, shelves, turn: Cell::new(0) }
    }

    /// Closes connections that have waited for too long. To be called now and then; requests do it on their way.
    pub fn sweep(&self) {
        self.shelves.iter().for_each(|shelf| shelf.sweep());
    }

    /// Sends a request to a replica that can be asked, and to another one where that is safe and needed.
    ///
    /// It is sent again where no connection came about, or nothing of it was written; and, where it is replayable,
    /// also when the replica hung up or took too long before the first byte of an answer, answered 502, 503 or
    /// 504, or cut its answer before any of it was handed on. Each replica is tried once. The rest of the answer's
    /// body may still fail.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Response, UpstreamError> {
        let replayable = request.replayable
            && !matches!(request.body, RequestBody::Stream(ref body) if !body.is_end_stream());
        // What can only be sent once may take as long as it flows: a slow upload.
        let give_up = replayable.then(|| Instant::now() + self.settings.first_byte_timeout * OVERALL_FACTOR);
        let first = self.first();
        let mut tried: Vec<usize> = Vec::new();
        let mut refused: Option<Response> = None;
        let mut error = UpstreamError::Empty;
        while let Some(index) = self.pick(first, &tried)
            && (tried.is_empty() || give_up.is_none_or(|give_up| Instant::now() < give_up))
        {
            let attempt = Attempt { index, replayable, give_up };
            match self.attempt(attempt, &mut request).await {
                Ok(response) if replayable && is_gateway_trouble(response.status) => refused = Some(response),
                Ok(response) => return Ok(response),
                Err(failed) => {
                    self.note(index, &failed.error);
                    if !failed.may_be_sent_again(replayable) {
                        return Err(failed.error);
                    }
                    error = failed.error;
                }
            }
            tried.push(index);
        }
        match (refused, error) {
            (Some(response), _) => Ok(response),
            (None, last) if is_unreachable(&last) => {
                Err(UpstreamError::NoReplica { tried: tried.len(), last: Box::new(last) })
            }
            (None, error) => Err(error),
        }
    }

    /// Where the search for a replica begins.
    fn first(&self) -> usize {
        match self.settings.balance {
            Balance::First => 0,
            Balance::RoundRobin => {
                let turn = self.turn.get();
                self.turn.set(turn.wrapping_add(1));
                turn % self.settings.replicas.len().max(1)
            }
        }
    }

    /// The next replica to try: one that can be asked, else one that is ejected, since nothing is lost by it.
    fn pick(&self, first: usize, tried: &[usize]) -> Option<usize> {
        let count = self.settings.replicas.len();
        let mut untried =
            (0..count).map(|step| (first + step) % count).filter(|index| !tried.contains(index));
        untried.clone().find(|&index| self.health.is_usable(index)).or_else(|| untried.next())
    }

    /// Tells everybody of a failure that speaks against the replica rather than against the request.
    fn note(&self, index: usize, error: &UpstreamError) {
        if matches!(
            error,
            UpstreamError::Connect { .. }
                | UpstreamError::Tls { .. }
                | UpstreamError::Timeout { .. }
                | UpstreamError::HungUp { .. }
        ) {
            self.health.request_failed(index, error, SystemTime::now());
        }
    }

    /// One replica: on a connection that is kept, and, where that turns out to be dead, on a fresh one.
    async fn attempt(&self, attempt: Attempt, request: &mut Request) -> Result<Response, Failed> {
        let Attempt { index, replayable, .. } = attempt;
        let Some(shelf) = self.shelves.get(index) else { return Err(unsent(UpstreamError::Empty)) };
        if let Some(connection) = shelf.take(!replayable) {
            let failed = match self.exchange_on(connection, attempt, request).await {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            let dead = matches!(failed.error, UpstreamError::HungUp { .. });
            if !dead || !failed.may_be_sent_again(replayable) {
                return Err(failed);
            }
            shelf.clear();
        }
        let Some(replica) = self.settings.replicas.get(index) else {
            return Err(unsent(UpstreamError::Empty));
        };
        let connection = Connection::connect(&self.settings, replica).await.map_err(unsent)?;
        self.exchange_on(connection, attempt, request).await
    }

    async fn exchange_on(
        &self,
        mut connection: Connection,
        attempt: Attempt,
        request: &mut Request,
    ) -> Result<Response, Failed> {
        let Attempt { index, replayable, give_up } = attempt;
        let Some(replica) = self.settings.replicas.get(index) else {
            return Err(unsent(UpstreamError::Empty));
        };
        let announced = announced(request);
        let target = Target {
            method: &request.method,
            path: &request.path,
            query: request.query.as_deref(),
            headers: &request.headers,
            upgrade: request.upgrade.is_some(),
        };
        head::write(&mut connection.output, &target, replica, &self.settings.host_header, announced)
            .map_err(unsent)?;
        let mut outgoing = match &mut request.body {
            RequestBody::Full(bytes) if !bytes.is_empty() => Outgoing::Full(bytes.clone()),
            RequestBody::Stream(body) if !body.is_end_stream() => {
                match std::mem::replace(&mut request.body, RequestBody::Empty) {
                    RequestBody::Stream(body) => Outgoing::stream(body, announced),
                    RequestBody::Empty | RequestBody::Full(_) => Outgoing::Head,
                }
            }
            _ => Outgoing::Head,
        };
        let terms = Terms {
            first_byte_timeout: self.settings.first_byte_timeout,
            body_idle_timeout: self.settings.body_idle_timeout,
            give_up,
            bodiless: request.method == Method::HEAD,
            upgrade: request.upgrade.is_some(),
        };
        let head = exchange(&mut connection, &mut outgoing, terms).await?;
        self.health.request_succeeded(index);
        let mut response = self.respond(index, connection, outgoing, head, request)?;
        if replayable && self.settings.replicas.len() > 1 && !is_event_stream(&response.headers) {
            response.body.gather().await.map_err(answered)?;
        }
        Ok(response)
    }

    fn respond(
        &self,
        index: usize,
        connection: Connection,
        outgoing: Outgoing,
        head: Head,
        request: &mut Request,
    ) -> Result<Response, Failed> {
        let Head { status, headers, framing, reusable } = head;
        if status == StatusCode::SWITCHING_PROTOCOLS
            && let Some(client) = request.upgrade.take()
        {
            let (replica, read_ahead) = connection.into_socket();
            let tunnel = Some(Tunnel::new(client, replica, read_ahead));
            return Ok(Response { status, headers, body: Body::empty(), tunnel });
        }
        let Some(shelf) = self.shelves.get(index) else { return Err(unsent(UpstreamError::Empty)) };
        let idle_timeout = if is_event_stream(&headers) {
            self.settings.stream_idle_timeout
        } else {
            self.settings.body_idle_timeout
        };
        let body = Body::new(Streaming {
            connection: Some(connection),
            framing,
            outgoing,
            reusable,
            shelf: Rc::clone(shelf),
            idle_timeout,
            ended: None,
        })
        .map_err(answered)?;
        Ok(Response { status, headers, body, tunnel: None })
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").field("replicas", &self.settings.replicas).finish_non_exhaustive()
    }
}

fn unsent(error: UpstreamError) -> Failed {
    Failed { error, progress: Progress::Unsent }
}

fn answered(error: UpstreamError) -> Failed {
    Failed { error, progress: Progress::Answered }
}

/// Whether no connection came about.
fn is_unreachable(error: &UpstreamError) -> bool {
    matches!(
        error,
        UpstreamError::Connect { .. }
            | UpstreamError::Tls { .. }
            | UpstreamError::Timeout { phase: Phase::Connect, .. }
    )
}

/// Whether an answer is a stream of events, which is silent for long and must not be held back at all.
fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Whether a status says that somebody behind the replica, or the replica itself, is not there at the moment.
fn is_gateway_trouble(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// How the request's body is announced (RFC 9110 section 8.6).
fn announced(request: &Request) -> Announced {
    let length = match &request.body {
        RequestBody::Empty => Some(0),
        RequestBody::Full(bytes) => Some(bytes.len() as u64),
        RequestBody::Stream(body) if body.is_end_stream() => Some(0),
        RequestBody::Stream(body) => body.size_hint().exact(),
    };
    let expected = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
    match length {
        None => Announced::Chunked,
        Some(0) if !expected => Announced::Nothing,
        Some(length) => Announced::Length(length),
    }
}
