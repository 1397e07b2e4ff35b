//! Any HTTP server: it is shown whole or not at all.

use bartizan_access::policy::{Action, Permit, Scope};

use crate::{BackendError, Reply, Request, upstream::Pool};

pub(crate) const ACTIONS: &[Action] = &[
    Action { name: "read", narrowable: false, help: "GET, HEAD and OPTIONS requests" },
    Action { name: "write", narrowable: false, help: "requests with any other method" },
];

pub(crate) async fn send(pool: &Pool, permit: &Permit, request: Request) -> Result<Reply, BackendError> {
    let reading = Request::is_safe(&request.method);
    let admission = permit.admit(if reading { "read" } else { "write" })?;
    match admission.scope() {
        Scope::Everything => Ok(Reply::passed(admission, pool.send(request).await?)),
        Scope::Only(_) => Err(BackendError::NotNarrowable {
            reason: "this backend can only be shown whole, and your roles show a part".into(),
        }),
    }
}
