//! The running program: threads, signals, reloads, and the way down.
//!
//! Requests are served by worker threads, each with a runtime of its own that nothing else uses. Everything
//! else (the admin listener, health checks, reloads, key sets) runs on the side, on the main thread's runtime.
//! Plugins have their own threads again.

mod reload;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use arc_swap::ArcSwap;
use bartizan_access::identity::Identity;
use bartizan_plugin::{HostSettings, PluginHost};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

use crate::admin;
use crate::audit::{Audit, AuditThread};
use crate::gateway::{Gateway, Plan, Shared};
use crate::listener::{self, BoundListener, Edge};
use crate::metrics::Metrics;
use crate::settings::Settings;

/// How long plugins may take to end once requests have drained.
const PLUGINS_END: Duration = Duration::from_secs(2);

/// Serves until SIGTERM or SIGINT. `announce` is called once everything listens.
pub(crate) fn run(config: &Path, announce: impl FnOnce(&Settings)) -> Result<()> {
    let settings = Settings::load(config)?;
    make_private_folder(&settings.state)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime could be started")?;
    runtime.block_on(serve(config.to_owned(), settings, announce))
}

async fn serve(config: PathBuf, settings: Settings, announce: impl FnOnce(&Settings)) -> Result<()> {
    let sockets = Sockets::bind(&settings).await?;
    let edge = Edge::open(settings.listener.clone())?;
    let (shared, audit_thread) = assemble(&settings)?;
    let stop = CancellationToken::new();
    let mut side = JoinSet::new();
    let (tls, counts) = (edge.tls.clone(), edge.counts.clone());
    side.spawn(ended(
        "the admin listener",
        admin::serve(sockets.admin, shared.clone(), counts, stop.clone()),
    ));
    let watching = stop.clone();
    side.spawn(async move { tls.watch(watching).await });
    if let Some(plain) = sockets.redirect {
        let (edge, https) = (edge.clone(), settings.listener.address);
        side.spawn(ended(
            "the redirect listener",
            listener::serve_redirect(plain, edge, https, stop.clone()),
        ));
    }
    let workers = start_workers(sockets.tls, &edge, &shared, &stop)?;
    announce(&settings);
    tracing::info!(
        address = %settings.listener.address, admin = %settings.admin, workers = settings.workers,
        version = env!("CARGO_PKG_VERSION"), "serving"
    );
    let reloader = reload::Reloader::new(config, settings, shared.clone());
    side.spawn(reloader.run(stop.clone()));

    let signal = asked_to_stop().await?;
    tracing::info!(signal, "draining: no new connections, requests in flight are finished");
    stop.cancel();
    tokio::task::spawn_blocking(move || workers.into_iter().try_for_each(|worker| worker.join()))
        .await
        .map_err(|_| anyhow!("waiting for the workers failed"))?
        .map_err(|_| anyhow!("a worker thread ended badly; see the log"))?;
    side.shutdown().await;
    shared.plugins.shutdown(PLUGINS_END);
    drop(audit_thread);
    tracing::info!("ended");
    Ok(())
}

/// Everything that workers share. Kept apart from sockets, so that it can fail before anybody connects.
fn assemble(settings: &Settings) -> Result<(Arc<Shared>, AuditThread)> {
    let identity = Identity::new(settings.identity.clone())?;
    let audit_file = settings.audit.file.display();
    let (audit, thread) = Audit::open(settings.audit.clone())
        .with_context(|| format!("the audit log {audit_file} cannot be opened"))?;
    let host = HostSettings { cache: Some(settings.state.join("compiled")), ..HostSettings::default() };
    let plugins = PluginHost::start(settings.plugins.clone(), host)?;
    let shared = Shared {
        identity: ArcSwap::from_pointee(identity),
        plan: ArcSwap::from_pointee(Plan::new(settings, None, SystemTime::now())),
        audit,
        metrics: Metrics::new(),
        plugins,
    };
    Ok((Arc::new(shared), thread))
}

struct Sockets {
    tls: Vec<BoundListener>,
    redirect: Option<BoundListener>,
    admin: tokio::net::TcpListener,
}

impl Sockets {
    async fn bind(settings: &Settings) -> Result<Self> {
        let workers = NonZeroUsize::new(settings.workers).unwrap_or(NonZeroUsize::MIN);
        let tls = listener::bind(settings.listener.address, workers)?;
        let redirect = match settings.listener.redirect_from {
            Some(address) => listener::bind(address, NonZeroUsize::MIN)?.pop(),
            None => None,
        };
        let admin = admin::bind(settings.admin).await.with_context(|| {
            format!(
                "the admin listener cannot use {}; stop the other program, or set another `admin` address",
                settings.admin
            )
        })?;
        Ok(Sockets { tls, redirect, admin })
    }
}

fn start_workers(
    sockets: Vec<BoundListener>,
    edge: &Arc<Edge>,
    shared: &Arc<Shared>,
    stop: &CancellationToken,
) -> Result<Vec<thread::JoinHandle<()>>> {
    let start = |(number, socket): (usize, BoundListener)| {
        let (edge, shared, stop) = (edge.clone(), shared.clone(), stop.clone());
        thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || work(socket, edge, shared, stop))
            .context("a worker thread could not be started")
    };
    sockets.into_iter().enumerate().map(start).collect()
}

/// One worker, from its first connection to the end of the drain.
fn work(socket: BoundListener, edge: Arc<Edge>, shared: Arc<Shared>, stop: CancellationToken) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "a worker has no runtime");
            return;
        }
    };
    let served = LocalSet::new().block_on(&runtime, async move {
        let gateway = Rc::new(Gateway::new(shared));
        tokio::select! {
            served = listener::serve(socket, edge, gateway.clone(), stop) => served,
            () = gateway.keep_house() => Ok(()),
        }
    });
    if let Err(error) = served {
        tracing::error!(%error, "a worker could not serve its socket");
    }
}

async fn asked_to_stop() -> Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

async fn ended(what: &'static str, task: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "{what} ended");
    }
}

/// Makes a folder that nobody else can read: it will hold keys.
pub(crate) fn make_private_folder(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))
}
