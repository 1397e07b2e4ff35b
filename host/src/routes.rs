//! Which part of the gateway a path belongs to.

use std::sync::Arc;

use crate::portal::{Door, Page};

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// What people reach who are nobody yet: login, logout, the portal's own files.
    Door(Door),
    /// A page of the portal.
    Page(Page),
    /// A backend, with the path below its route.
    Backend {
        /// Its name in the settings.
        name: Arc<str>,
        /// The path below the route, beginning with `/`.
        path: String,
    },
}

/// A backend's route, as set.
#[derive(Debug, Clone)]
pub(crate) struct BackendRoute {
    /// The backend's name.
    pub(crate) name: Arc<str>,
    /// The host that it answers on, in lower case and without a port; any where absent.
    pub(crate) host: Option<String>,
    /// The path prefix, which begins and ends with `/`.
    pub(crate) prefix: String,
}

/// All routes; the most specific one wins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes {
    backends: Vec<BackendRoute>,
}

impl Routes {
    /// Orders routes so that a host comes before none, and a longer prefix before a shorter one.
    pub(crate) fn new(mut backends: Vec<BackendRoute>) -> Self {
        backends.sort_by_key(|route| (route.host.is_none(), std::cmp::Reverse(route.prefix.len())));
        Routes { backends }
    }

    /// The route of a canonical path, if there is one. `host` is in lower case, without a port.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<Route> {
        if let Some(door) = Door::find(path) {
            return Some(Route::Door(door));
        }
        for route in &self.backends {
            if route.host.as_deref().is_some_and(|only| only != host) {
                continue;
            }
            let without_slash = &route.prefix[..route.prefix.len() - 1];
            if let Some(below) = path.strip_prefix(without_slash)
                && (below.is_empty() || below.starts_with('/'))
            {
                let path = if below.is_empty() { "/" } else { below };
                return Some(Route::Backend { name: route.name.clone(), path: path.to_owned() });
            }
        }
        Page::find(path).map(Route::Page)
    }
}

#[cfg(test)]
mod tests;
