//! HTTP/1.1 on one connection, awake or at rest.
//!
//! The HTTP library keeps buffers of its own for each connection. Most connections are idle most of the time, so after
//! a while without a request that state is given up and only the TLS session is kept; the first byte of the
//! next request makes a new one. The client notices nothing.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;

use super::Application;
use super::exchange::exchange;
use super::framing::READ_BUFFER_BYTES;
use super::pulse::{Pulse, Verdict};
use super::serve::Worker;
use super::settings::Limits;
use super::stream::Stream;

/// The library's own limit, for which it has room without allocating.
const USUAL_HEAD_COUNT: usize = 100;

/// How the protocol is spoken.
pub(super) struct Protocol {
    lasting: Builder,
    /// Closes after one answer; for connections that wake up during a drain.
    closing: Builder,
}

impl Protocol {
    pub(super) fn new(limits: &Limits) -> Self {
        let mut lasting = Builder::new();
        lasting
            .max_header_size(limits.head_bytes)
            .max_buf_size(READ_BUFFER_BYTES.max(limits.head_bytes))
            // Time is kept by the pulse.
            .header_read_timeout(None);
        if limits.head_count != USUAL_HEAD_COUNT {
            lasting.max_headers(limits.head_count);
        }
        let mut closing = lasting.clone();
        closing.keep_alive(false);
        Self { lasting, closing }
    }
}

/// How a stretch of HTTP on a connection ended.
enum End {
    /// The connection is over, or has been handed over to another protocol.
    Over,
    /// Time is up.
    TimeUp,
    /// Nothing is going on; the state can be given up.
    AtRest,
}

/// Speaks HTTP/1.1 until the connection is over.
pub(super) async fn serve<A: Application>(
    worker: Rc<Worker<A>>,
    mut stream: Stream,
    caller: IpAddr,
    pulse: Arc<Pulse>,
) {
    while wait_for_bytes(&mut stream, &pulse).await {
        pulse.stir();
        match stretch(&worker, stream, caller, &pulse).await {
            Some(idle) => stream = idle,
            None => return,
        }
    }
    // A last word, if it can be said at once.
    poll_fn(|cx| Poll::Ready(stream.poll_close(cx).is_ready())).await;
}

/// At rest: true when bytes have come, false when none will or time is up.
async fn wait_for_bytes(stream: &mut Stream, pulse: &Pulse) -> bool {
    poll_fn(|cx| {
        pulse.wake_by(cx.waker());
        match pulse.verdict() {
            Verdict::Close => Poll::Ready(false),
            _ => stream.poll_readable(cx).map(|outcome| outcome.unwrap_or(false)),
        }
    })
    .await
}

/// Awake: requests and answers, until the connection is over (`None`) or comes to rest.
async fn stretch<A: Application>(
    worker: &Rc<Worker<A>>,
    stream: Stream,
    caller: IpAddr,
    pulse: &Arc<Pulse>,
) -> Option<Stream> {
    let (for_service, pulses) = (Rc::clone(worker), Arc::clone(pulse));
    let service =
        service_fn(move |request| exchange(Rc::clone(&for_service), caller, Arc::clone(&pulses), request));
    let mut draining = pulse.verdict() >= Verdict::Finish;
    let builder = if draining { &worker.http1.closing } else { &worker.http1.lasting };
    let mut http = Box::new(builder.serve_connection(stream, service).with_upgrades());
    let end = poll_fn(|cx| {
        pulse.wake_by(cx.waker());
        if pulse.verdict() == Verdict::Close {
            return Poll::Ready(End::TimeUp);
        }
        if let Poll::Ready(outcome) = Pin::new(&mut *http).poll(cx) {
            if let Err(error) = outcome {
                tracing::debug!(%error, "HTTP/1 connection ended");
            }
            return Poll::Ready(End::Over);
        }
        match pulse.verdict() {
            Verdict::Rest | Verdict::Finish if pulse.is_at_rest() => return Poll::Ready(End::AtRest),
            Verdict::Rest => pulse.stir(),
            Verdict::Finish if !draining => {
                draining = true;
                Pin::new(&mut *http).graceful_shutdown();
                cx.waker().wake_by_ref();
            }
            _ => {}
        }
        Poll::Pending
    })
    .await;
    match end {
        End::Over | End::TimeUp => None,
        End::AtRest => {
            let parts = http.into_parts()?;
            let mut stream = parts.io;
            stream.unread(parts.read_buf);
            Some(stream)
        }
    }
}
