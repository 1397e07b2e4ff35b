//! Prometheus: none of its operations is understood yet, so none is sent.

use bartizan_access::policy::{Action, Permit};

use crate::{BackendError, Reply, Request, upstream::Pool};

pub(crate) const ACTIONS: &[Action] = &[];

pub(crate) async fn send(_pool: &Pool, _permit: &Permit, request: Request) -> Result<Reply, BackendError> {
    Err(BackendError::UnknownOperation { method: request.method.to_string(), path: request.path })
}
