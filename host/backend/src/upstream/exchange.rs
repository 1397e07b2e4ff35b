//! One request and the head of its answer, on one connection.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use tokio::time::Instant;

use super::connection::Connection;
use super::failure::{Phase, ProtocolError, UpstreamError};
use super::head::{self, Head, Scan};
use super::outgoing::{Outgoing, SendError};

/// Interim answers (1xx) that are read over before the answer. One or two are usual.
const MAX_INTERIM: u32 = 8;

/// A request's time, and what may come as its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// From the end of the request to the first byte of the answer.
    pub(super) first_byte_timeout: Duration,
    /// Between two pieces of the request.
    pub(super) body_idle_timeout: Duration,
    /// When it must be over in any case, as far as the head.
    pub(super) give_up: Option<Instant>,
    /// Whether it asks with HEAD, so that no body follows.
    pub(super) bodiless: bool,
    /// Whether it asks for an upgrade.
    pub(super) upgrade: bool,
}

/// Why there is no answer, and how far things had gone.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: UpstreamError,
    pub(super) progress: Progress,
}

/// How far a request had gone when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// Nothing of it was written.
    Unsent,
    /// Some of it was written, but nothing of an answer was read.
    Unanswered,
    /// Some of an answer was read.
    Answered,
}

impl Failed {
    /// Whether nobody can notice when the request is sent a second time.
    pub(super) fn may_be_sent_again(&self, replayable: bool) -> bool {
        match self.progress {
            Progress::Unsent => !matches!(self.error, UpstreamError::Unsendable { .. }),
            Progress::Unanswered => replayable,
            // What was read so far was not handed on.
            Progress::Answered => replayable && matches!(self.error, UpstreamError::BodyCut { .. }),
        }
    }
}

struct Exchange<'a, B> {
    connection: &'a mut Connection,
    outgoing: &'a mut Outgoing<B>,
    terms: Terms,
    scan: Scan,
    interim: u32,
    progress: Progress,
}

/// Sends the connection's output and the outgoing body, and reads until the head of the final answer.
///
/// The answer may come before the body is sent; `outgoing` then holds the rest. Dropping the future leaves the
/// connection in the middle of an exchange: it is of no further use.
pub(super) async fn exchange<B: Body<Data = Bytes> + Unpin>(
    connection: &mut Connection,
    outgoing: &mut Outgoing<B>,
    terms: Terms,
) -> Result<Head, Failed> {
    let scan = Scan::default();
    let mut exchange = Exchange { connection, outgoing, terms, scan, interim: 0, progress: Progress::Unsent };
    exchange.await_answer();
    poll_fn(|context| exchange.poll(context)).await
}

impl<B: Body<Data = Bytes> + Unpin> Exchange<'_, B> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Head, Failed>> {
        if !self.outgoing.is_sent() {
            self.send(context)?;
        }
        loop {
            if let Some(head) = self.find_head()? {
                return Poll::Ready(Ok(head));
            }
            match self.connection.poll_fill(context) {
                Poll::Ready(Ok(0)) => return self.hung_up(io::ErrorKind::UnexpectedEof),
                Poll::Ready(Ok(_)) => self.progress = Progress::Answered,
                Poll::Ready(Err(error)) => return self.hung_up(error.kind()),
                Poll::Pending => {
                    ready!(self.connection.timer.poll(context));
                    return Poll::Ready(Err(self.out_of_time()));
                }
            }
        }
    }

    fn send(&mut self, context: &mut Context<'_>) -> Result<(), Failed> {
        let sent = self.outgoing.poll(self.connection, context);
        let streaming = matches!(self.outgoing, Outgoing::Stream { .. });
        let touched = streaming || matches!(sent, Poll::Ready(Ok(()))) || self.connection.wrote_anything();
        if touched && self.progress == Progress::Unsent {
            self.progress = Progress::Unanswered;
        }
        match sent {
            Poll::Ready(Ok(())) => self.await_answer(),
            Poll::Pending if std::mem::take(&mut self.connection.moved) => {
                self.set_timer(self.terms.body_idle_timeout);
            }
            Poll::Pending => {}
            // It may have answered before it hung up: reading goes on.
            Poll::Ready(Err(SendError::Replica)) => {
                *self.outgoing = Outgoing::Sent;
                self.connection.broken = true;
            }
            Poll::Ready(Err(SendError::Client)) => return Err(self.failed(UpstreamError::RequestBody)),
        }
        Ok(())
    }

    fn await_answer(&mut self) {
        self.set_timer(self.terms.first_byte_timeout);
    }

    fn set_timer(&mut self, after: Duration) {
        let at = Instant::now() + after;
        self.connection.timer.set_at(self.terms.give_up.map_or(at, |give_up| at.min(give_up)));
    }

    /// The head of the final answer, where it has been read.
    fn find_head(&mut self) -> Result<Option<Head>, Failed> {
        while !self.connection.input.is_empty() {
            let end = self.scan.end(&self.connection.input).map_err(|reason| self.broke(reason))?;
            let Some(end) = end else { break };
            self.scan = Scan::default();
            let head = head::read(&mut self.connection.input, end, self.terms.bodiless)
                .map_err(|reason| self.broke(reason))?;
            if head.status == StatusCode::SWITCHING_PROTOCOLS && !self.terms.upgrade {
                return Err(self.broke(ProtocolError::UnaskedUpgrade));
            }
            if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(Some(head));
            }
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(self.broke(ProtocolError::TooManyInterim));
            }
        }
        Ok(None)
    }

    fn hung_up(&self, kind: io::ErrorKind) -> Poll<Result<Head, Failed>> {
        let replica = self.connection.address.clone();
        Poll::Ready(Err(self.failed(UpstreamError::HungUp { replica, kind })))
    }

    fn out_of_time(&self) -> Failed {
        let replica = self.connection.address.clone();
        self.failed(match self.outgoing {
            Outgoing::Sent => UpstreamError::Timeout { replica, phase: Phase::FirstByte },
            // With nothing left to write, it is the client that we wait for.
            Outgoing::Stream { .. } if self.connection.output.is_empty() => UpstreamError::RequestBody,
            _ => UpstreamError::Timeout { replica, phase: Phase::Request },
        })
    }

    fn broke(&self, reason: ProtocolError) -> Failed {
        let replica = self.connection.address.clone();
        self.failed(UpstreamError::Protocol { replica, reason })
    }

    fn failed(&self, error: UpstreamError) -> Failed {
        Failed { error, progress: self.progress }
    }
}
