//! The admin listener: what machines ask the gateway about itself. Plain HTTP, for this machine or a private network.
//!
//! It shows counters and states, never telemetry of people or the policy.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::gateway::Shared;
use crate::listener::ListenerCounts;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone)]
struct Admin {
    shared: Arc<Shared>,
    counts: Arc<ListenerCounts>,
    stop: CancellationToken,
}

/// Takes the address; a port in use is told before anything is served.
pub(crate) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    counts: Arc<ListenerCounts>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/exporters/metrics", get(exporters))
        .route("/-/healthy", get(|| async { "healthy\n" }))
        .route("/-/ready", get(ready))
        .with_state(Admin { shared, counts, stop: stop.clone() });
    axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match admin.shared.metrics.render(&admin.shared, &admin.counts) {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The plugins' series, as they were last collected.
async fn exporters(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let (content_type, text) = admin.shared.plugins.render(accept);
    ([(CONTENT_TYPE, content_type)], text).into_response()
}

/// Ready means: what is asked can be answered and written down. A backend without replicas does not
/// count: other backends are still served, and restarting the gateway would not help.
async fn ready(State(admin): State<Admin>) -> Response {
    if admin.stop.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    if !admin.shared.audit.ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the audit log cannot be written\n").into_response();
    }
    "ready\n".into_response()
}
