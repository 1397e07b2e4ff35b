//! Why a replica gave no answer, as facts: the program makes a status and a sentence of them.

use std::io;
use std::sync::Arc;

/// What went wrong between us and the replicas. Replicas are named by their addresses, which are for the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpstreamError {
    /// None of the replicas could be reached; the last one's reason stands for all.
    #[error("none of {tried} replicas can be reached; the last: {last}")]
    NoReplica {
        /// How many were tried.
        tried: usize,
        /// What the last one said.
        last: Box<UpstreamError>,
    },
    /// The pool has no replicas at all.
    #[error("the backend has no replicas")]
    Empty,
    /// No TCP connection.
    #[error("{replica} cannot be reached: {kind}")]
    Connect {
        /// Which replica.
        replica: Arc<str>,
        /// The system's reason.
        kind: io::ErrorKind,
    },
    /// No TLS session: the certificate is not the expected one, or ours was refused.
    #[error("{replica} does not speak the TLS that is expected: {reason}")]
    Tls {
        /// Which replica.
        replica: Arc<str>,
        /// rustls' reason.
        reason: Arc<str>,
    },
    /// A deadline has passed.
    #[error("{replica} took longer than it may {phase}")]
    Timeout {
        /// Which replica.
        replica: Arc<str>,
        /// What it was at.
        phase: Phase,
    },
    /// The connection ended before the first byte of an answer.
    #[error("{replica} hung up before it answered: {kind}")]
    HungUp {
        /// Which replica.
        replica: Arc<str>,
        /// The system's reason; `UnexpectedEof` for an orderly end.
        kind: io::ErrorKind,
    },
    /// The answer is not the HTTP/1.1 that we accept.
    #[error("{replica} broke the protocol: {reason}")]
    Protocol {
        /// Which replica.
        replica: Arc<str>,
        /// What was wrong.
        reason: ProtocolError,
    },
    /// The answer ended before its end.
    #[error("{replica} cut its answer short")]
    BodyCut {
        /// Which replica.
        replica: Arc<str>,
    },
    /// The answer is larger than what is read into memory.
    #[error("the backend's answer is larger than {limit_bytes} bytes")]
    AnswerTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The request cannot be written as HTTP/1.1. It was not sent.
    #[error("the request cannot be sent: {reason}")]
    Unsendable {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The client's body ended early, broke the protocol, or paused for too long.
    #[error("the request's body could not be read to its end")]
    RequestBody,
}

/// What a replica was at when its time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Connecting, with TLS.
    Connect,
    /// Taking in the request.
    Request,
    /// Coming up with the first byte of the answer.
    FirstByte,
    /// Sending the answer's body.
    Body,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Phase::Connect => "to connect",
            Phase::Request => "to take in the request",
            Phase::FirstByte => "to answer",
            Phase::Body => "between two pieces of its answer",
        })
    }
}

/// What is wrong with an answer (RFC 9112).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Not a status line and header fields.
    #[error("the head is malformed")]
    Head,
    /// A line that ends with a bare line feed, by which two readers can disagree.
    #[error("a line ends without carriage return")]
    BareLineFeed,
    /// The head is larger than what is accepted.
    #[error("the head is too large")]
    HeadTooLarge,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    #[error("the version is not HTTP/1.0 or HTTP/1.1")]
    Version,
    /// Content-Length that is no number, or several.
    #[error("the Content-Length is malformed")]
    ContentLength,
    /// Both Content-Length and Transfer-Encoding.
    #[error("it has both Content-Length and Transfer-Encoding")]
    TwoFramings,
    /// A transfer coding other than `chunked`.
    #[error("the transfer coding is not chunked")]
    TransferCoding,
    /// A chunk's size line is malformed or too long.
    #[error("a chunk is malformed")]
    Chunk,
    /// Trailers larger than what is accepted.
    #[error("the trailers are too large")]
    TrailersTooLarge,
    /// More interim answers (1xx) than what is accepted.
    #[error("too many interim answers")]
    TooManyInterim,
    /// 101 though no upgrade was asked for.
    #[error("it switched protocols unasked")]
    UnaskedUpgrade,
}
