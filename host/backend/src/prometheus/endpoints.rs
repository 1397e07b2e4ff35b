//! Every endpoint of Prometheus' HTTP server, from `web/web.go` and `web/api/v1/api.go` of 2.42 to 3.15.
//!
//! An endpoint that a version does not have answers 404 there, which does no harm.

use std::borrow::Cow;

use bartizan_access::policy::Action;
use http::Method;
use percent_encoding::percent_decode_str;

use crate::BackendError;

const READ: &str = "read";

/// What a grant can allow on a Prometheus.
pub(crate) const ACTIONS: &[Action] = &[
    Action {
        name: READ,
        narrowable: true,
        help: "queries, series, labels, federation, rules, alerts, and the pages that show them",
    },
    whole("metadata", "names, types and help texts of all metrics"),
    whole("targets", "what is scraped, with its labels before relabelling"),
    whole("status", "runtime, storage and cardinality, own metrics, Alertmanagers, notifications"),
    whole("config", "the configuration, which may hold passwords"),
    whole("flags", "command-line flags"),
    whole("other-pages", "server-rendered pages and consoles, which show data of all kinds"),
    whole("remote-read", "raw samples of any series"),
    whole("remote-write", "writing samples: remote write and OTLP"),
    whole(ADMIN, "deleting series, snapshots"),
    whole("lifecycle", "reloading the configuration, stopping the server"),
    whole("debug", "profiles of the process"),
    whole(UNKNOWN, "endpoints that are not known here"),
];

const UNKNOWN: &str = "unknown";

/// Changes the store; what is to be deleted may stand in a body.
pub(super) const ADMIN: &str = "admin";

const fn whole(name: &'static str, help: &'static str) -> Action {
    Action { name, narrowable: false, help }
}

/// How an endpoint's requests and answers are narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Narrowing {
    /// The parameter `query` is an expression; these other parameters are known.
    Query(&'static [&'static str]),
    /// Each `match[]` is a selector; where there is none, one is put in.
    Selectors,
    /// Each `match[]` is a selector, and Prometheus demands one.
    DemandedSelectors,
    /// Each `match[]` is a selector whose matchers may match the empty value; without one nothing is asked.
    Federation,
    /// The answer is filtered by the labels of rules and of their alerts.
    Rules,
    /// The answer is filtered by the labels of alerts.
    Alerts,
    /// The answer is the same for everybody, whatever the store holds.
    Harmless,
    /// The same, and it is a file of the user interface.
    ProgramFile,
    /// It cannot be narrowed.
    No,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Endpoint {
    pub(super) methods: &'static [Method],
    /// `:name` stands for one segment, `*` for whatever follows.
    pub(super) path: &'static str,
    pub(super) action: &'static str,
    pub(super) narrowing: Narrowing,
}

const GET: &[Method] = &[Method::GET];
const GET_HEAD: &[Method] = &[Method::GET, Method::HEAD];
const GET_POST: &[Method] = &[Method::GET, Method::POST];
const POST: &[Method] = &[Method::POST];
const POST_PUT: &[Method] = &[Method::POST, Method::PUT];
const GET_POST_PUT: &[Method] = &[Method::GET, Method::POST, Method::PUT];

const fn row(
    methods: &'static [Method],
    path: &'static str,
    action: &'static str,
    narrowing: Narrowing,
) -> Endpoint {
    Endpoint { methods, path, action, narrowing }
}

const INSTANT: Narrowing = Narrowing::Query(&["time", "timeout", "limit", "stats", "lookback_delta"]);
const RANGE: Narrowing =
    Narrowing::Query(&["start", "end", "step", "timeout", "limit", "stats", "lookback_delta"]);
const EXEMPLARS: Narrowing = Narrowing::Query(&["start", "end"]);

/// The table. What people ask most stands first.
pub(super) static ENDPOINTS: &[Endpoint] = &[
    row(GET_POST, "/api/v1/query_range", READ, RANGE),
    row(GET_POST, "/api/v1/query", READ, INSTANT),
    row(GET_POST, "/api/v1/query_exemplars", READ, EXEMPLARS),
    row(GET_POST, "/api/v1/series", READ, Narrowing::DemandedSelectors),
    row(GET_POST, "/api/v1/labels", READ, Narrowing::Selectors),
    row(GET, "/api/v1/label/:name/values", READ, Narrowing::Selectors),
    row(GET, "/federate", READ, Narrowing::Federation),
    row(GET, "/api/v1/rules", READ, Narrowing::Rules),
    row(GET, "/api/v1/alerts", READ, Narrowing::Alerts),
    row(GET_POST, "/api/v1/format_query", READ, Narrowing::Harmless),
    row(GET_POST, "/api/v1/parse_query", READ, Narrowing::Harmless),
    row(GET, "/api/v1/status/buildinfo", READ, Narrowing::Harmless),
    row(GET, "/api/v1/status/walreplay", READ, Narrowing::Harmless),
    row(GET, "/api/v1/features", READ, Narrowing::Harmless),
    row(GET, "/api/v1/openapi.yaml", READ, Narrowing::Harmless),
    row(&[Method::OPTIONS], "/api/v1/*", READ, Narrowing::Harmless),
    row(GET, "/version", READ, Narrowing::Harmless),
    row(GET_HEAD, "/-/healthy", READ, Narrowing::Harmless),
    row(GET_HEAD, "/-/ready", READ, Narrowing::Harmless),
    // The user interface: pages without data that ask the API, and their files.
    row(GET, "/", READ, Narrowing::ProgramFile),
    row(GET, "/graph", READ, Narrowing::ProgramFile),
    row(GET, "/graph/", READ, Narrowing::ProgramFile),
    row(GET, "/query", READ, Narrowing::ProgramFile),
    row(GET, "/alerts", READ, Narrowing::ProgramFile),
    row(GET, "/rules", READ, Narrowing::ProgramFile),
    row(GET, "/config", READ, Narrowing::ProgramFile),
    row(GET, "/flags", READ, Narrowing::ProgramFile),
    row(GET, "/service-discovery", READ, Narrowing::ProgramFile),
    row(GET, "/alertmanager-discovery", READ, Narrowing::ProgramFile),
    row(GET, "/status", READ, Narrowing::ProgramFile),
    row(GET, "/targets", READ, Narrowing::ProgramFile),
    row(GET, "/tsdb-status", READ, Narrowing::ProgramFile),
    row(GET, "/starting", READ, Narrowing::ProgramFile),
    row(GET, "/agent", READ, Narrowing::ProgramFile),
    row(GET, "/assets/*", READ, Narrowing::ProgramFile),
    row(GET, "/static/*", READ, Narrowing::ProgramFile),
    row(GET, "/favicon.ico", READ, Narrowing::ProgramFile),
    row(GET, "/favicon.svg", READ, Narrowing::ProgramFile),
    row(GET, "/manifest.json", READ, Narrowing::ProgramFile),
    row(GET, "/classic", READ, Narrowing::ProgramFile),
    row(GET, "/classic/", READ, Narrowing::ProgramFile),
    row(GET, "/classic/graph", READ, Narrowing::ProgramFile),
    row(GET, "/classic/static/*", READ, Narrowing::ProgramFile),
    // Debian's classic interface renders these with the data in them.
    row(GET, "/classic/*", "other-pages", Narrowing::No),
    row(GET, "/consoles/*", "other-pages", Narrowing::No),
    row(GET, "/user/*", "other-pages", Narrowing::No),
    row(GET, "/api/v1/metadata", "metadata", Narrowing::No),
    row(GET_POST, "/api/v1/search/metric_names", "metadata", Narrowing::No),
    row(GET_POST, "/api/v1/search/label_names", "metadata", Narrowing::No),
    row(GET_POST, "/api/v1/search/label_values", "metadata", Narrowing::No),
    row(GET, "/api/v1/targets", "targets", Narrowing::No),
    row(GET, "/api/v1/targets/metadata", "targets", Narrowing::No),
    row(GET, "/api/v1/targets/relabel_steps", "targets", Narrowing::No),
    row(GET, "/api/v1/scrape_pools", "targets", Narrowing::No),
    row(GET, "/api/v1/scrape_pools/config", "config", Narrowing::No),
    row(GET, "/api/v1/status/config", "config", Narrowing::No),
    row(GET, "/api/v1/status/flags", "flags", Narrowing::No),
    row(GET, "/api/v1/status/runtimeinfo", "status", Narrowing::No),
    row(GET, "/api/v1/status/tsdb", "status", Narrowing::No),
    row(GET, "/api/v1/status/tsdb/blocks", "status", Narrowing::No),
    row(GET, "/api/v1/status/self_metrics", "status", Narrowing::No),
    row(GET, "/api/v1/alertmanagers", "status", Narrowing::No),
    row(GET, "/api/v1/notifications", "status", Narrowing::No),
    row(GET, "/api/v1/notifications/live", "status", Narrowing::No),
    row(GET, "/metrics", "status", Narrowing::No),
    row(POST, "/api/v1/read", "remote-read", Narrowing::No),
    row(POST, "/api/v1/write", "remote-write", Narrowing::No),
    row(POST, "/api/v1/otlp/v1/metrics", "remote-write", Narrowing::No),
    row(POST_PUT, "/api/v1/admin/tsdb/delete_series", ADMIN, Narrowing::No),
    row(POST_PUT, "/api/v1/admin/tsdb/clean_tombstones", ADMIN, Narrowing::No),
    row(POST_PUT, "/api/v1/admin/tsdb/snapshot", ADMIN, Narrowing::No),
    row(GET_POST_PUT, "/-/reload", "lifecycle", Narrowing::No),
    row(GET_POST_PUT, "/-/quit", "lifecycle", Narrowing::No),
    row(GET_POST, "/debug/*", "debug", Narrowing::No),
];

/// What stands for an endpoint that the table does not have.
static NOT_IN_TABLE: Endpoint = row(&[], "*", UNKNOWN, Narrowing::No);

/// The row for a request. A method that a known path does not have is refused for everybody.
///
/// Prometheus routes by the decoded path, so that is what is looked up here.
pub(super) fn find(method: &Method, path: &str) -> Result<&'static Endpoint, BackendError> {
    let refused = || BackendError::UnknownOperation { method: method.to_string(), path: path.to_owned() };
    let decoded = if path.contains('%') {
        percent_decode_str(path).decode_utf8().map_err(|_| refused())?
    } else {
        Cow::Borrowed(path)
    };
    let segments = decoded.strip_prefix('/').ok_or_else(refused)?;
    let unclear = |segment: &str| matches!(segment, "." | "..") || segment.chars().any(char::is_control);
    if decoded.contains("//") || segments.split('/').any(unclear) {
        return Err(refused());
    }
    let mut known = false;
    for endpoint in ENDPOINTS {
        if matches(endpoint.path, &decoded) {
            if endpoint.methods.contains(method) {
                return Ok(endpoint);
            }
            // `OPTIONS` for the whole API does not make its paths known.
            known |= !endpoint.methods.contains(&Method::OPTIONS);
        }
    }
    if known { Err(refused()) } else { Ok(&NOT_IN_TABLE) }
}

fn matches(pattern: &str, path: &str) -> bool {
    if let Some(prefix) = pattern.strip_suffix('*') {
        return path.starts_with(prefix);
    }
    match pattern.split_once("/:name/") {
        None => pattern == path,
        Some((before, behind)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(name, rest)| !name.is_empty() && rest == behind),
    }
}

#[cfg(test)]
mod tests;
