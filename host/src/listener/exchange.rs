//! One request: judged by the rules of the edge, handed to the application, and kept in view until its answer is out.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::pulse::{Doing, Pulse};
use super::serve::Worker;
use super::settings::ListenerSettings;
use super::target::Target;
use super::{Application, Arrival, Peer, Refusal, RequestBody, forwarded, headers};

/// Answers one request of `caller`, by the PROXY header or the socket; what is refused at the edge is worded by the application.
pub(super) async fn exchange<A: Application>(
    worker: Rc<Worker<A>>,
    caller: IpAddr,
    pulse: Arc<Pulse>,
    request: Request<Incoming>,
) -> Result<Response<InFlightBody<A::Body>>, Infallible> {
    let in_flight = InFlight::begin(pulse);
    let settings = &worker.edge.settings;
    let peer = Peer { client: forwarded::client(request.headers(), settings.forwarded_for_depth, caller) };
    let may_upgrade = request.version() == Version::HTTP_11;
    let response = match judge(settings, &peer, request) {
        Ok(arrival) => Rc::clone(&worker.app).call(arrival).await,
        Err(refusal) => {
            worker.edge.counts.refused.fetch_add(1, Relaxed);
            worker.app.refuse(&peer, &refusal)
        }
    };
    if may_upgrade && response.status() == StatusCode::SWITCHING_PROTOCOLS {
        in_flight.0.now_doing(Doing::Upgraded);
    }
    Ok(response.map(|body| InFlightBody { body, _in_flight: in_flight }))
}

fn judge(settings: &ListenerSettings, peer: &Peer, request: Request<Incoming>) -> Result<Arrival, Refusal> {
    let (mut parts, incoming) = request.into_parts();
    let Target { path, host } = Target::take(&mut parts)?;
    headers::check(&parts.headers)?;
    let limit_bytes = settings.limits.body_bytes;
    if headers::declared_length(&parts.headers)?.is_some_and(|length| length > limit_bytes) {
        return Err(Refusal::BodyTooLarge { limit_bytes });
    }
    let body = RequestBody::new(incoming, limit_bytes, settings.limits.body_timeout);
    Ok(Arrival { peer: peer.clone(), path, host, request: Request::from_parts(parts, body) })
}

/// Counts as a request in flight until it is dropped: with the answer, or with the future that should have made it.
struct InFlight(Arc<Pulse>);

impl InFlight {
    fn begin(pulse: Arc<Pulse>) -> Self {
        pulse.request_began();
        Self(pulse)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.request_ended();
    }
}

/// An answer's body, which keeps its request in flight.
pub(super) struct InFlightBody<B> {
    body: B,
    _in_flight: InFlight,
}

impl<B: Body<Data = Bytes> + Unpin> Body for InFlightBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
