//! Why a request got no reply from a backend. The program alone turns it into a status and a sentence.

use bartizan_access::policy::Denied;

use crate::upstream::UpstreamError;

/// What went wrong between a permit and a reply.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The permit does not admit the action.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The operation is not known, so it is not sent. It needs the grant named here.
    #[error("{method} {path} is not an operation that is understood")]
    UnknownOperation {
        /// The method.
        method: String,
        /// The path below the route.
        path: String,
    },
    /// What the client sent cannot be proved to stay within the permit, or is not valid. The reason quotes only what the client sent.
    #[error("{reason}")]
    NotUnderstood {
        /// A sentence for the client.
        reason: String,
    },
    /// The operation exists, but cannot be narrowed to what the permit shows. The reason is a sentence for the client.
    #[error("{reason}")]
    NotNarrowable {
        /// A sentence for the client.
        reason: String,
    },
    /// The client's body is larger than what is read.
    #[error("the body is larger than {limit_bytes} bytes")]
    BodyTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The client's body ended early or broke the protocol.
    #[error("the request's body could not be read")]
    BodyUnreadable,
    /// The backend answered with something that cannot be narrowed, so nothing of it is shown.
    #[error("the backend's answer is not understood: {reason}")]
    AnswerNotUnderstood {
        /// For the log.
        reason: String,
    },
    /// No replica gave an answer.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The settings no longer have the backend.
    #[error("the backend is gone from the settings")]
    Gone,
}
