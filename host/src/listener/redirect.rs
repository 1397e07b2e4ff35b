//! Plain HTTP: says where the real place is, and nothing else.
//!
//! Answers 308 to the same path on https. The host is the configured one, or the one that the client asked for if
//! it is well-formed, with our port: nothing else in the request can choose where the redirect leads. Whatever
//! is malformed gets 400. One request for each connection, all of it under one deadline.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, LOCATION};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::path::CanonicalPath;
use super::target::Host;
use super::{BoundListener, Edge};

/// A redirect takes one packet each way.
const WHOLE_EXCHANGE: Duration = Duration::from_secs(5);
const MOST_CONNECTIONS: usize = 256;
const HEAD_BYTES: usize = 8 * 1024;
/// After an accept error.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers on one plain socket until `stop`. `https` is where TLS is served.
pub(crate) async fn serve_redirect(
    bound: BoundListener,
    edge: Arc<Edge>,
    https: SocketAddr,
    stop: CancellationToken,
) -> io::Result<()> {
    let listener = TcpListener::from_std(bound.0)?;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((tcp, _)) => drop(connections.spawn(answer(tcp, Arc::clone(&edge), https.port()))),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn answer(tcp: TcpStream, edge: Arc<Edge>, port: u16) {
    let service = service_fn(move |request| {
        let location = location(&request, edge.settings.public_host.as_ref(), port);
        async move { Ok::<_, Infallible>(respond(location)) }
    });
    let connection = Builder::new()
        .keep_alive(false)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(HEAD_BYTES)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(tcp), service);
    let _ = timeout(WHOLE_EXCHANGE, connection).await;
}

fn respond(location: Option<String>) -> Response<Empty<Bytes>> {
    let builder = match location {
        Some(location) => {
            Response::builder().status(StatusCode::PERMANENT_REDIRECT).header(LOCATION, location)
        }
        None => Response::builder().status(StatusCode::BAD_REQUEST),
    };
    builder.body(Empty::new()).unwrap_or_default()
}

/// The https address of what was asked for, if it is well-formed.
fn location(request: &Request<Incoming>, public: Option<&Host>, port: u16) -> Option<String> {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) || request.uri().authority().is_some() {
        return None;
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let asked = Host::parse(hosts.next()?.to_str().ok()?).ok()?;
    if hosts.next().is_some() {
        return None;
    }
    let path = CanonicalPath::parse(request.uri().path()).ok()?;
    let (name, port) = match public {
        Some(public) => (&public.name, public.port.unwrap_or(443)),
        None => (&asked.name, port),
    };
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("https://{name}{port}{}{query}", path.as_str()))
}
