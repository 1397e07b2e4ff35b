//! What the running program is made of: parts that all workers share, and each worker's own.
//!
//! A [`Plan`] is what the settings and the policy say at one time. A reload puts a new plan in place; a worker
//! builds its [`House`] (its own connections to the backends) from the plan when it sees the next request.
//! Requests under way keep the house that they began with.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use bartizan_access::identity::Identity;
use bartizan_access::policy::Policy;
use bartizan_backend::upstream::{Health, Pool, PoolSettings, Tunnel};
use bartizan_backend::{Backends, Kind};
use bartizan_plugin::PluginHost;
use ring::rand::{SecureRandom, SystemRandom};
use tokio_util::task::TaskTracker;

use crate::audit::{Audit, Record};
use crate::failure::Failure;
use crate::metrics::{Metrics, Tally};
use crate::routes::Routes;
use crate::settings::{BackendSettings, Settings};

/// An upgraded connection through which nothing passes for so long is closed.
const TUNNEL_IDLE: Duration = Duration::from_secs(3600);

/// How often a worker looks for idle connections to backends.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// What all workers share.
pub(crate) struct Shared {
    /// Who is asking.
    pub(crate) identity: ArcSwap<Identity>,
    /// What the settings say now.
    pub(crate) plan: ArcSwap<Plan>,
    /// The audit log.
    pub(crate) audit: Audit,
    /// What the gateway says about itself.
    pub(crate) metrics: Metrics,
    /// The plugins.
    pub(crate) plugins: PluginHost,
}

/// What the settings and the policy say at one time.
pub(crate) struct Plan {
    pub(crate) routes: Routes,
    pub(crate) policy: Arc<Policy>,
    pub(crate) backends: Vec<BackendPlan>,
    pub(crate) body_limit_bytes: usize,
}

/// One backend of a plan.
#[derive(Clone)]
pub(crate) struct BackendPlan {
    pub(crate) name: Arc<str>,
    pub(crate) title: String,
    pub(crate) kind: Kind,
    pub(crate) prefix: String,
    pub(crate) pool: Arc<PoolSettings>,
    pub(crate) health: Arc<Health>,
}

impl Plan {
    /// The plan of these settings. A backend whose replicas did not change keeps what is known of their health.
    pub(crate) fn new(settings: &Settings, before: Option<&Plan>, now: SystemTime) -> Self {
        let known = |backend: &BackendSettings| {
            before?
                .backends
                .iter()
                .find(|old| {
                    old.name == backend.name
                        && old.pool.replicas == backend.pool.replicas
                        && old.pool.health == backend.pool.health
                })
                .map(|old| old.health.clone())
        };
        let backends = settings
            .backends
            .iter()
            .map(|backend| BackendPlan {
                name: backend.name.clone(),
                title: backend.title.clone(),
                kind: backend.kind,
                prefix: backend.route.prefix.clone(),
                health: known(backend).unwrap_or_else(|| Health::new(&backend.pool, now)),
                pool: backend.pool.clone(),
            })
            .collect();
        Plan {
            routes: Routes::new(settings.backends.iter().map(|backend| backend.route.clone()).collect()),
            policy: settings.policy.clone(),
            backends,
            body_limit_bytes: usize::try_from(settings.listener.limits.body_bytes).unwrap_or(usize::MAX),
        }
    }
}

/// Where a worker writes down what became of each request.
pub(crate) struct Ledger {
    audit: Audit,
    tally: Tally,
}

impl Ledger {
    /// Keeps a record and counts it.
    pub(crate) fn keep(&self, record: &Record) {
        self.tally.count(record);
        self.audit.keep(record);
    }
}

/// A plan as one worker uses it, with connections of its own.
pub(crate) struct House {
    pub(crate) plan: Arc<Plan>,
    pub(crate) backends: Backends,
}

impl House {
    fn build(plan: Arc<Plan>) -> Self {
        let pools = plan.backends.iter().map(|backend| {
            (backend.name.clone(), backend.kind, Pool::new(backend.pool.clone(), backend.health.clone()))
        });
        House { backends: Backends::new(pools), plan }
    }
}

/// The application that one worker runs.
pub(crate) struct Gateway {
    shared: Arc<Shared>,
    house: RefCell<Rc<House>>,
    request_prefix: u32,
    requests: Cell<u64>,
    tunnels: TaskTracker,
    ledger: Rc<Ledger>,
}

impl Gateway {
    /// A worker's own part.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let house = House::build(shared.plan.load_full());
        let mut prefix = [0; 4];
        // Request ids are names, not secrets: without entropy they only repeat after a restart.
        let _ = SystemRandom::new().fill(&mut prefix);
        let ledger = Ledger { audit: shared.audit.clone(), tally: Tally::new(shared.metrics.clone()) };
        Gateway {
            ledger: Rc::new(ledger),
            shared,
            house: RefCell::new(Rc::new(house)),
            request_prefix: u32::from_le_bytes(prefix),
            requests: Cell::new(0),
            tunnels: TaskTracker::new(),
        }
    }

    /// The current house, rebuilt after a reload.
    pub(crate) fn house(&self) -> Rc<House> {
        let plan = self.shared.plan.load();
        let mut house = self.house.borrow_mut();
        if !Arc::ptr_eq(&plan, &house.plan) {
            *house = Rc::new(House::build(plan.clone()));
        }
        house.clone()
    }

    /// Closes connections to backends that nobody uses any more; never returns.
    pub(crate) async fn keep_house(&self) {
        let mut sweeps = tokio::time::interval(SWEEP_EVERY);
        loop {
            sweeps.tick().await;
            self.house().backends.sweep();
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn ledger(&self) -> Rc<Ledger> {
        self.ledger.clone()
    }

    /// Refuses when what happens could not be written down.
    pub(crate) fn audit_is_kept(&self) -> Result<(), Failure> {
        if self.shared.audit.ready() { Ok(()) } else { Err(Failure::AuditUnavailable) }
    }

    /// A name for a request, unique among the workers and over restarts for all practical purposes.
    pub(crate) fn next_request_id(&self) -> String {
        let number = self.requests.get();
        self.requests.set(number + 1);
        format!("{:08x}-{number:x}", self.request_prefix)
    }

    /// Carries an upgraded connection until either side ends it.
    pub(crate) fn run_tunnel(&self, tunnel: Tunnel) {
        self.tunnels.spawn_local(tunnel.run(TUNNEL_IDLE));
    }
}
