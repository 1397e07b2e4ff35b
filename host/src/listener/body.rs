//! The body of a request: it ends, or fails, within its size and its time.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;
use tokio::time::{Sleep, sleep};

/// A request body within limits. Trailers are dropped: they could carry what headers may not.
#[derive(Debug)]
pub(crate) struct RequestBody {
    incoming: Incoming,
    limit_bytes: u64,
    received_bytes: u64,
    timeout: Duration,
    /// Runs only while bytes are being waited for.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// Why a request body cannot be read to its end.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    /// More bytes than allowed; answer 413.
    #[error("the request body is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// The client sent nothing for too long; answer 408.
    #[error("no bytes of the request body came for {} seconds", waited.as_secs())]
    Stalled {
        /// How long was waited.
        waited: Duration,
    },
    /// The connection or the framing broke.
    #[error("the request body broke off")]
    Broken(#[source] hyper::Error),
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, limit_bytes: u64, timeout: Duration) -> Self {
        Self { incoming, limit_bytes, received_bytes: 0, timeout, deadline: None }
    }

    fn count(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.received_bytes = self.received_bytes.saturating_add(bytes as u64);
        let limit_bytes = self.limit_bytes;
        if self.received_bytes > limit_bytes { Err(BodyError::TooLarge { limit_bytes }) } else { Ok(()) }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        let waited = self.timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(waited)));
        deadline.as_mut().poll(cx).map(|()| BodyError::Stalled { waited })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            match Pin::new(&mut this.incoming).poll_frame(cx) {
                Poll::Pending => return this.poll_deadline(cx).map(|error| Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(BodyError::Broken(error)))),
                Poll::Ready(Some(Ok(frame))) => {
                    this.deadline = None;
                    let Ok(data) = frame.into_data() else { continue };
                    let counted = this.count(data.len());
                    return Poll::Ready(Some(counted.map(|()| Frame::data(data))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
