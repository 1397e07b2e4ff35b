//! What the gateway says about itself, for Prometheus.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bartizan_backend::upstream::HealthState;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::audit::{Decision, Record};
use crate::gateway::Shared;
use crate::listener::ListenerCounts;

/// Bounds of durations, in seconds: from a cached answer to a slow query.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    backend: String,
    decision: &'static str,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Place {
    backend: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindOfData {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reload {
    result: &'static str,
}

/// Counters that requests write.
#[derive(Clone)]
pub(crate) struct Metrics {
    requests: Family<Outcome, Counter>,
    durations: Family<Place, Histogram>,
    sent: Family<Place, Counter>,
    redacted: Family<KindOfData, Counter>,
    reloads: Family<Reload, Counter>,
}

impl Metrics {
    /// No requests yet.
    pub(crate) fn new() -> Self {
        Metrics {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            sent: Family::default(),
            redacted: Family::default(),
            reloads: Family::default(),
        }
    }

    /// Counts an attempt to take new settings.
    pub(crate) fn reloaded(&self, succeeded: bool) {
        let result = if succeeded { "taken" } else { "refused" };
        self.reloads.get_or_create(&Reload { result }).inc();
    }

    /// All of it in OpenMetrics text.
    pub(crate) fn render(
        &self,
        shared: &Arc<Shared>,
        counts: &Arc<ListenerCounts>,
    ) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("bartizan");
        registry.register("requests", "Requests that have ended", self.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "From the head of a request to the end of its answer",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register_with_unit("sent", "Bodies of answers", Unit::Bytes, self.sent.clone());
        registry.register(
            "redacted_values",
            "Values of personal data that were redacted",
            self.redacted.clone(),
        );
        registry.register("reloads", "Attempts to take new settings", self.reloads.clone());
        registry.register_collector(Box::new(Now { shared: shared.clone(), counts: counts.clone() }));
        let mut out = String::new();
        encode(&mut out, &registry)?;
        Ok(out)
    }
}

/// A worker's handles of the counters that it has used before: counting takes no lock and no memory.
pub(crate) struct Tally {
    metrics: Metrics,
    known: RefCell<Vec<Handle>>,
}

struct Handle {
    backend: Option<Arc<str>>,
    decision: Decision,
    status: u16,
    requests: Counter,
    durations: Histogram,
    sent: Counter,
}

impl Tally {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Tally { metrics, known: RefCell::default() }
    }

    /// Counts a request that has ended.
    pub(crate) fn count(&self, record: &Record) {
        let mut known = self.known.borrow_mut();
        let same = |handle: &Handle| {
            handle.status == record.status
                && handle.decision == record.decision
                && handle.backend == record.backend
        };
        let at = known.iter().position(same).unwrap_or_else(|| {
            known.push(self.handle(record));
            known.len() - 1
        });
        let handle = &known[at];
        handle.requests.inc();
        handle.durations.observe(record.duration.as_secs_f64());
        handle.sent.inc_by(record.sent_bytes);
        for (kind, count) in &record.redacted {
            self.metrics.redacted.get_or_create(&KindOfData { kind }).inc_by(*count);
        }
    }

    fn handle(&self, record: &Record) -> Handle {
        let backend = record.backend.as_deref().unwrap_or("gateway").to_owned();
        let decision = match record.decision {
            Decision::Allowed => "allowed",
            Decision::Denied => "denied",
            Decision::Failed => "failed",
        };
        let place = Place { backend: backend.clone() };
        let outcome = Outcome { backend, decision, code: record.status };
        Handle {
            backend: record.backend.clone(),
            decision: record.decision,
            status: record.status,
            requests: self.metrics.requests.get_or_create(&outcome).clone(),
            durations: self.metrics.durations.get_or_create(&place).clone(),
            sent: self.metrics.sent.get_or_create(&place).clone(),
        }
    }
}

/// What is read when somebody asks.
struct Now {
    shared: Arc<Shared>,
    counts: Arc<ListenerCounts>,
}

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}

impl prometheus_client::collector::Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let read = |counter: &AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        let open = self.counts.open.load(std::sync::atomic::Ordering::Relaxed);
        gauge(&mut encoder, "connections", "Connections held now", i64::try_from(open).unwrap_or(i64::MAX))?;
        for (name, help, value) in [
            ("connections_accepted", "Connections taken", read(&self.counts.accepted)),
            (
                "connections_over_limit",
                "Connections closed because the limit was reached",
                read(&self.counts.over_limit),
            ),
            (
                "handshakes_failed",
                "Connections that ended before their TLS handshake did",
                read(&self.counts.handshakes_failed),
            ),
            ("connections_timed_out", "Connections closed at a deadline", read(&self.counts.timed_out)),
            ("accept_errors", "Times that no connection could be accepted", read(&self.counts.accept_errors)),
            ("requests_refused", "Requests refused at the edge", read(&self.counts.refused)),
            ("audit_records", "Records kept for the audit log", self.shared.audit.records()),
            ("audit_records_dropped", "Records that could not be kept", self.shared.audit.dropped()),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        let ready = self.shared.audit.ready();
        gauge(&mut encoder, "audit_ready", "Whether the audit log can be written", i64::from(ready))?;
        self.replicas(&mut encoder)?;
        self.plugins(&mut encoder)
    }
}

impl Now {
    fn replicas(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let shape = ConstGauge::new(0i64);
        let mut family = encoder.encode_descriptor(
            "replica_up",
            "Whether a replica is asked",
            None,
            shape.metric_type(),
        )?;
        for backend in &self.shared.plan.load().backends {
            for replica in backend.health.snapshot() {
                let up = ConstGauge::new(i64::from(replica.state != HealthState::Unhealthy));
                let labels = [("backend", &*backend.name), ("replica", &*replica.url)];
                up.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

impl Now {
    /// How each plugin is doing; the reason of the last refusal stands in a label, for whoever gets the alert.
    fn plugins(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let one = ConstGauge::new(1i64);
        let statuses = self.shared.plugins.status();
        let mut states =
            encoder.encode_descriptor("plugin_state", "How a plugin is doing", None, one.metric_type())?;
        for plugin in &statuses {
            let (state, version) = (plugin.state.to_string(), plugin.version.as_deref().unwrap_or(""));
            one.encode(states.encode_family(&[
                ("plugin", &*plugin.name),
                ("state", &*state),
                ("version", version),
            ])?)?;
        }
        let help = "Why the newest version of a plugin was refused or taken back";
        let mut refusals = encoder.encode_descriptor("plugin_refused", help, None, one.metric_type())?;
        for plugin in &statuses {
            if let Some(reason) = &plugin.last_refusal {
                one.encode(refusals.encode_family(&[("plugin", &*plugin.name), ("reason", &**reason)])?)?;
            }
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}
