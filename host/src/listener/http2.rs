//! HTTP/2 on one connection.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use tokio_util::task::TaskTracker;

use super::Application;
use super::exchange::exchange;
use super::pulse::{Pulse, Verdict};
use super::serve::Worker;
use super::settings::Limits;
use super::stream::Stream;

/// How much of request bodies may be under way to us: for one stream, and for a connection.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// How much of an answer may be buffered for a stream.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// How the protocol is spoken.
pub(super) struct Protocol(Builder<Streams>);

/// Runs streams as tasks of the worker.
#[derive(Clone)]
pub(super) struct Streams(TaskTracker);

impl<F: Future + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        self.0.spawn_local(async move {
            stream.await;
        });
    }
}

impl Protocol {
    pub(super) fn new(limits: &Limits, tasks: TaskTracker) -> Self {
        let mut builder = Builder::new(Streams(tasks));
        builder
            .max_concurrent_streams(limits.streams)
            .max_pending_accept_reset_streams(limits.pending_resets)
            .max_local_error_reset_streams(limits.local_resets)
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES);
        Self(builder)
    }
}

/// Speaks HTTP/2 until the connection is over. When time is up or a drain begins, the client is told by GOAWAY.
pub(super) async fn serve<A: Application>(
    worker: Rc<Worker<A>>,
    stream: Stream,
    caller: IpAddr,
    pulse: Arc<Pulse>,
) {
    let (for_service, pulses) = (Rc::clone(&worker), Arc::clone(&pulse));
    let service =
        service_fn(move |request| exchange(Rc::clone(&for_service), caller, Arc::clone(&pulses), request));
    let mut http = Box::new(worker.http2.0.serve_connection(stream, service));
    drop(worker);
    let mut told = false;
    poll_fn(|cx| {
        pulse.wake_by(cx.waker());
        let verdict = pulse.verdict();
        if verdict >= Verdict::Finish && !told {
            told = true;
            Pin::new(&mut *http).graceful_shutdown();
        }
        match Pin::new(&mut *http).poll(cx) {
            Poll::Ready(outcome) => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "HTTP/2 connection ended");
                }
                Poll::Ready(())
            }
            Poll::Pending if verdict == Verdict::Close => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
}
