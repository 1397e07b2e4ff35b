//! A worker: takes connections from its socket, sees each through handshake and protocol, and drains at the end.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::framing::Framing;
use super::places::{ListenerCounts, Place};
use super::pulse::{Doing, Pulse, Verdict, Ward};
use super::settings::ListenerSettings;
use super::stream::Stream;
use super::{Application, BoundListener, TlsError, TlsStore, http1, http2, proxy};

/// First and longest pause after accepting failed for want of descriptors or memory.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// How long tasks get to notice that their connections have been closed at the end of a drain.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// What all workers of the listener share.
pub(crate) struct Edge {
    /// What was configured.
    pub(crate) settings: ListenerSettings,
    /// Certificates; the caller has them [watched](TlsStore::watch).
    pub(crate) tls: Arc<TlsStore>,
    /// For metrics.
    pub(crate) counts: Arc<ListenerCounts>,
}

/// What all connections of one worker share.
pub(super) struct Worker<A> {
    pub(super) edge: Arc<Edge>,
    pub(super) app: Rc<A>,
    pub(super) tasks: TaskTracker,
    pub(super) http1: http1::Protocol,
    pub(super) http2: http2::Protocol,
    acceptor: TlsAcceptor,
    ward: Ward,
}

impl Edge {
    /// Reads the certificates and makes what the workers share.
    pub(crate) fn open(settings: ListenerSettings) -> Result<Arc<Self>, TlsError> {
        let tls = TlsStore::load(&settings.tls)?;
        Ok(Arc::new(Self { settings, tls, counts: Arc::default() }))
    }
}

/// Serves one socket on the current thread until `stop`, then drains: whatever is in flight is answered within the
/// drain deadline, then cut off. Must run within a `LocalSet` on a runtime with I/O and time.
///
/// Errors only if the socket cannot be handed to the runtime. Dropping the future leaves connections to their tasks
/// without deadlines: end it by `stop`.
pub(crate) async fn serve<A: Application>(
    bound: BoundListener,
    edge: Arc<Edge>,
    app: Rc<A>,
    stop: CancellationToken,
) -> io::Result<()> {
    let listener = TcpListener::from_std(bound.0)?;
    let tasks = TaskTracker::new();
    let limits = &edge.settings.limits;
    let worker = Rc::new(Worker {
        http1: http1::Protocol::new(limits),
        http2: http2::Protocol::new(limits, tasks.clone()),
        acceptor: TlsAcceptor::from(edge.tls.config()),
        ward: Ward::new(limits, Instant::now()),
        edge,
        app,
        tasks,
    });
    let mut ticks = interval(worker.ward.tick());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut acceptance = Acceptance { resume_at: None, pause: BACK_OFF.0 };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = ticks.tick() => worker.ward.look(Instant::now()),
            (tcp, socket) = acceptance.next(&listener, &worker.edge.counts) => worker.take(tcp, socket),
        }
    }
    worker.take_backlog(&listener).await;
    drop(listener);
    worker.drain().await;
    Ok(())
}

impl<A: Application> Worker<A> {
    /// Gives a new connection a task, if there is a place for it.
    fn take(self: &Rc<Self>, tcp: TcpStream, socket: SocketAddr) {
        let Some(place) = Place::take(&self.edge.counts, self.edge.settings.limits.connections) else {
            return;
        };
        let pulse = self.ward.admit();
        self.tasks.spawn_local(connection(Rc::clone(self), tcp, socket, pulse, place));
    }

    /// Takes what the kernel has accepted already: closing the socket would reset it.
    async fn take_backlog(self: &Rc<Self>, listener: &TcpListener) {
        poll_fn(|cx| {
            while let Poll::Ready(Ok((tcp, socket))) = listener.poll_accept(cx) {
                self.take(tcp, socket);
            }
            Poll::Ready(())
        })
        .await;
    }

    async fn drain(&self) {
        self.tasks.close();
        self.ward.drain(Instant::now());
        let mut ticks = interval(self.ward.tick());
        let all_ended = async {
            tokio::select! {
                () = self.tasks.wait() => {}
                () = async { loop { ticks.tick().await; self.ward.look(Instant::now()); } } => {}
            }
        };
        if timeout(self.edge.settings.limits.drain_timeout, all_ended).await.is_err() {
            tracing::warn!("drain deadline passed; closing the connections that are left");
            self.ward.close_all();
            let _ = timeout(ABORT_GRACE, self.tasks.wait()).await;
        }
    }

    /// Reads the PROXY header, where one is due, and makes the handshake; with the client's address.
    async fn negotiate(
        &self,
        mut tcp: TcpStream,
        socket: SocketAddr,
    ) -> io::Result<(TlsStream<TcpStream>, IpAddr)> {
        tcp.set_nodelay(true)?;
        let from_balancer =
            self.edge.settings.proxy_protocol_from.iter().any(|network| network.contains(socket.ip()));
        let client = if from_balancer { proxy::read_header(&mut tcp).await? } else { None };
        let tls = self.acceptor.accept(tcp).await?;
        Ok((tls, client.unwrap_or(socket).ip().to_canonical()))
    }
}

/// One connection from its first byte to its last. Large states are boxed, each freed when it is over.
async fn connection<A: Application>(
    worker: Rc<Worker<A>>,
    tcp: TcpStream,
    socket: SocketAddr,
    pulse: Arc<Pulse>,
    place: Place,
) {
    let negotiated = unless_closed(&pulse, Box::pin(worker.negotiate(tcp, socket))).await;
    let (tls, caller) = match negotiated {
        Some(Ok(negotiated)) => negotiated,
        failed => {
            worker.edge.counts.handshakes_failed.fetch_add(1, Relaxed);
            let error = failed.and_then(Result::err).unwrap_or_else(|| io::ErrorKind::TimedOut.into());
            tracing::debug!(%socket, %error, "no TLS connection was made");
            return pulse.end();
        }
    };
    pulse.now_doing(Doing::Waiting);
    let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let framing = (!is_http2).then(|| Framing::new(worker.edge.settings.limits.head_bytes));
    let stream = Stream::new(tls, Arc::clone(&pulse), framing, place);
    let edge = Arc::clone(&worker.edge);
    if is_http2 {
        http2::serve(worker, stream, caller, Arc::clone(&pulse)).await;
    } else {
        http1::serve(worker, stream, caller, Arc::clone(&pulse)).await;
    }
    if pulse.verdict() == Verdict::Close {
        edge.counts.timed_out.fetch_add(1, Relaxed);
    }
}

/// Runs the future until its time is up; `None` then.
async fn unless_closed<F: Future>(pulse: &Pulse, mut future: Pin<Box<F>>) -> Option<F::Output> {
    poll_fn(|cx| {
        pulse.wake_by(cx.waker());
        match pulse.verdict() {
            Verdict::Close => Poll::Ready(None),
            _ => future.as_mut().poll(cx).map(Some),
        }
    })
    .await
}

/// Accepting, with a pause when the process has run out of something.
struct Acceptance {
    resume_at: Option<tokio::time::Instant>,
    pause: Duration,
}

impl Acceptance {
    /// The next connection. May be dropped at any time: a pause that has begun goes on with the next call.
    async fn next(&mut self, listener: &TcpListener, counts: &ListenerCounts) -> (TcpStream, SocketAddr) {
        loop {
            if let Some(resume_at) = self.resume_at {
                sleep_until(resume_at).await;
                self.resume_at = None;
            }
            match listener.accept().await {
                Ok(accepted) => {
                    self.pause = BACK_OFF.0;
                    return accepted;
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    counts.accept_errors.fetch_add(1, Relaxed);
                    tracing::warn!(%error, pause = ?self.pause, "cannot accept connections for now");
                    self.resume_at = Some(tokio::time::Instant::now() + self.pause);
                    self.pause = (self.pause * 2).min(BACK_OFF.1);
                }
            }
        }
    }
}

/// Whether an accept error says that a client went away, not that we lack something.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
