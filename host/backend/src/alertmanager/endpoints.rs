//! Every endpoint of Alertmanager 0.25 to 0.28, and what is done with it: one table, from the
//! server's own sources (`api/v2/openapi.yaml`, `api/api.go`, `ui/web.go`).
//!
//! What the table does not hold is [`Treatment::Unknown`]. Paths are compared as they come in,
//! canonical, so another spelling of a known path is unknown too.

use http::Method;

/// What is done with a request, and which action has to be granted for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// The list of alerts, filtered.
    Alerts,
    /// Alerts in their groups, filtered.
    Groups,
    /// The list of silences, filtered.
    Silences,
    /// One silence, if it lies within the scope.
    Silence,
    /// A new silence, or a new version of one, if it and the old one lie within the scope.
    PostSilence,
    /// The end of a silence, if it lies within the scope.
    ExpireSilence,
    /// The names of receivers, filtered.
    Receivers,
    /// Version, cluster and configuration; without the action, less of it.
    Status,
    /// A file of the web interface.
    ProgramFile,
    /// Whether the server is up.
    Liveness,
    /// Alerts from outside, which can carry any labels.
    PostAlerts,
    /// Reads the configuration again.
    Lifecycle,
    /// The server's own metrics and profiles.
    Debug,
    /// Not known, or known and superseded (`/api/v1`).
    Unknown,
}

impl Treatment {
    /// The action that a grant has to name.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Treatment::Alerts
            | Treatment::Groups
            | Treatment::Silences
            | Treatment::Silence
            | Treatment::Receivers
            | Treatment::ProgramFile
            | Treatment::Liveness => "read",
            Treatment::PostSilence | Treatment::ExpireSilence => "silence",
            Treatment::Status => "status",
            Treatment::PostAlerts => "post-alerts",
            Treatment::Lifecycle => "lifecycle",
            Treatment::Debug => "debug",
            Treatment::Unknown => "unknown",
        }
    }

    /// What people who see a part get, in a few words.
    #[cfg(test)]
    pub(crate) fn for_a_part(self) -> &'static str {
        match self {
            Treatment::Alerts => "own alerts; foreign ids leave their status",
            Treatment::Groups => "own alerts; groups without any are dropped",
            Treatment::Silences => "silences that reach own alerts alone",
            Treatment::Silence => "404 unless it reaches own alerts alone",
            Treatment::PostSilence => "refused unless it reaches own alerts alone; createdBy is the caller",
            Treatment::ExpireSilence => "404 unless it reaches own alerts alone",
            Treatment::Receivers => "receivers of own alerts",
            Treatment::Status => "with `read` instead of `status`: no configuration, no peers",
            Treatment::ProgramFile | Treatment::Liveness => "as it is",
            Treatment::PostAlerts | Treatment::Lifecycle | Treatment::Debug | Treatment::Unknown => "denied",
        }
    }
}

/// A path of the table: whole, or one that goes on.
enum Path {
    Is(&'static str),
    /// One more segment, without `/`.
    Segment(&'static str),
    /// Anything more that nobody could take for a way out of the folder.
    Below(&'static str),
}

use Path::{Below, Is, Segment};

const ENDPOINTS: &[(Path, &[&str], Treatment)] = &[
    (Is("/api/v2/alerts"), &["GET"], Treatment::Alerts),
    (Is("/api/v2/alerts"), &["POST"], Treatment::PostAlerts),
    (Is("/api/v2/alerts/groups"), &["GET"], Treatment::Groups),
    (Is("/api/v2/receivers"), &["GET"], Treatment::Receivers),
    (Is("/api/v2/silences"), &["GET"], Treatment::Silences),
    (Is("/api/v2/silences"), &["POST"], Treatment::PostSilence),
    (Segment("/api/v2/silence/"), &["GET"], Treatment::Silence),
    (Segment("/api/v2/silence/"), &["DELETE"], Treatment::ExpireSilence),
    (Is("/api/v2/status"), &["GET"], Treatment::Status),
    (Is("/"), &["GET", "HEAD"], Treatment::ProgramFile),
    (Is("/script.js"), &["GET", "HEAD"], Treatment::ProgramFile),
    (Is("/favicon.ico"), &["GET", "HEAD"], Treatment::ProgramFile),
    (Below("/lib/"), &["GET", "HEAD"], Treatment::ProgramFile),
    (Below("/assets/"), &["GET", "HEAD"], Treatment::ProgramFile),
    (Is("/-/healthy"), &["GET", "HEAD"], Treatment::Liveness),
    (Is("/-/ready"), &["GET", "HEAD"], Treatment::Liveness),
    (Is("/-/reload"), &["POST"], Treatment::Lifecycle),
    (Is("/metrics"), &["GET", "HEAD"], Treatment::Debug),
    (Below("/debug/"), &["GET", "HEAD", "POST"], Treatment::Debug),
    (Below("/api/v1/"), &["GET", "HEAD", "POST", "DELETE", "OPTIONS"], Treatment::Unknown),
];

/// Finds out what a request is.
pub(crate) fn classify(method: &Method, path: &str) -> Treatment {
    ENDPOINTS
        .iter()
        .find(|(pattern, methods, _)| methods.contains(&method.as_str()) && pattern.matches(path))
        .map_or(Treatment::Unknown, |(_, _, treatment)| *treatment)
}

/// The id in `/api/v2/silence/{id}`, where it has an id's form. Another one names no silence, and
/// might name something else once it is decoded.
pub(crate) fn silence_id(path: &str) -> Option<&str> {
    path.strip_prefix("/api/v2/silence/").filter(|id| is_silence_id(id))
}

/// Whether this is a UUID as Alertmanager writes them (RFC 9562 section 4).
pub(crate) fn is_silence_id(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

impl Path {
    fn matches(&self, path: &str) -> bool {
        match self {
            Is(whole) => path == *whole,
            Segment(start) => {
                path.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
            }
            Below(start) => path
                .strip_prefix(start)
                .is_some_and(|rest| !rest.is_empty() && !rest.contains('%') && !rest.contains("..")),
        }
    }

    #[cfg(test)]
    fn display(&self) -> String {
        match self {
            Is(whole) => (*whole).to_owned(),
            Segment(start) => format!("{start}{{id}}"),
            Below(start) => format!("{start}*"),
        }
    }
}

/// The whole table as text; a golden file holds it.
#[cfg(test)]
pub(super) fn table() -> String {
    let mut text = String::new();
    for (path, methods, treatment) in ENDPOINTS {
        text.push_str(&format!(
            "{:<28} {:<26} {:<12} {}\n",
            methods.join(","),
            path.display(),
            treatment.action(),
            treatment.for_a_part()
        ));
    }
    text.push_str(&format!(
        "{:<28} {:<26} {:<12} {}\n",
        "any other",
        "any other",
        "unknown",
        Treatment::Unknown.for_a_part()
    ));
    text
}
