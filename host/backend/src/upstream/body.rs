//! An answer's body on its way through.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use tokio::time::sleep;

use super::connection::{Connection, READ_BYTES};
use super::failure::{Phase, UpstreamError};
use super::framing::Framing;
use super::outgoing::{Outgoing, SendError};
use super::shelf::Shelf;

/// So much of an answer is read before it is handed on, where it could be asked for again if it were cut.
const GATHERED_BYTES: usize = 256 * 1024;

/// And for so long, so that a slow answer is not slower by it.
const GATHERING_TIME: Duration = Duration::from_millis(20);

/// The body of a replica's answer. It ends without an error only where the replica ended it.
pub struct Body {
    /// Pieces that are read already.
    ahead: VecDeque<Bytes>,
    /// Whether the replica said how long it is; if not, neither do we.
    counted: bool,
    /// What is still to come. Gone as soon as all is read, so that its connection serves others.
    streaming: Option<Box<Streaming>>,
}

/// A body that is still being read from its connection.
pub(super) struct Streaming {
    /// Given back once the body is read; gone after a failure.
    pub(super) connection: Option<Connection>,
    pub(super) framing: Framing,
    /// The rest of the request.
    pub(super) outgoing: Outgoing,
    /// Whether another request may follow on the connection.
    pub(super) reusable: bool,
    pub(super) shelf: Rc<Shelf>,
    /// How long it may pause.
    pub(super) idle_timeout: Duration,
    /// Why reading has ended, to be told once what was read before is handed on.
    pub(super) ended: Option<Ended>,
}

/// How a connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The replica said so, over TLS in the way that nobody else can.
    Orderly,
    Broken,
}

impl Body {
    /// A body without content.
    pub(crate) fn empty() -> Self {
        Body { ahead: VecDeque::new(), counted: true, streaming: None }
    }

    /// Begins with what came together with the head. What is whole already gives its connection back at once.
    pub(super) fn new(mut streaming: Streaming) -> Result<Self, UpstreamError> {
        let counted = matches!(streaming.framing, Framing::Length(_) | Framing::Done);
        let mut body = Body { ahead: VecDeque::new(), counted, streaming: None };
        let piece = streaming.take()?;
        if !piece.is_empty() {
            body.ahead.push_back(piece);
        }
        if streaming.framing.is_done() && streaming.outgoing.is_sent() {
            streaming.finish();
        } else {
            streaming.rest();
            body.streaming = Some(Box::new(streaming));
        }
        Ok(body)
    }

    /// Reads on for a moment before anything is handed on. An error still harms nobody then: the request can be
    /// sent to another replica.
    pub(super) async fn gather(&mut self) -> Result<(), UpstreamError> {
        if self.streaming.is_none() {
            return Ok(());
        }
        let mut patience = pin!(sleep(GATHERING_TIME));
        let mut gathered_bytes: usize = self.ahead.iter().map(Bytes::len).sum();
        poll_fn(|context| {
            while let Some(streaming) = &mut self.streaming
                && gathered_bytes < GATHERED_BYTES
            {
                match streaming.poll_piece(context) {
                    Poll::Ready(Some(Ok(piece))) => {
                        gathered_bytes += piece.len();
                        append(&mut self.ahead, piece);
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(None) => self.streaming = None,
                    Poll::Pending => return patience.as_mut().poll(context).map(Ok),
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }
}

/// Puts a piece behind the others: together with the last one while that is small, so that what came in many
/// small pieces leaves in few.
fn append(ahead: &mut VecDeque<Bytes>, piece: Bytes) {
    match ahead.back_mut() {
        Some(last) if last.len() + piece.len() <= READ_BYTES => {
            let mut joined = match std::mem::take(last).try_into_mut() {
                Ok(unshared) => unshared,
                Err(shared) => {
                    let mut joined = BytesMut::with_capacity(READ_BYTES);
                    joined.extend_from_slice(&shared);
                    joined
                }
            };
            joined.extend_from_slice(&piece);
            *last = joined.freeze();
        }
        _ => ahead.push_back(piece),
    }
}

impl Streaming {
    /// The next piece: all that can be read without waiting, up to a limit.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        loop {
            if self.framing.is_done() {
                self.finish();
                return Poll::Ready(None);
            }
            let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
            if !self.outgoing.is_sent() {
                drive(&mut self.outgoing, connection, context);
                if std::mem::take(&mut connection.moved) {
                    connection.timer.set(self.idle_timeout);
                }
            }
            let mut waits = false;
            while self.ended.is_none()
                && !connection.is_full()
                && self.framing.wants_beyond(connection.input.len())
            {
                match connection.poll_fill(context) {
                    Poll::Ready(Ok(0)) => self.ended = Some(Ended::Orderly),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(_)) => self.ended = Some(Ended::Broken),
                    Poll::Pending => {
                        waits = true;
                        break;
                    }
                }
            }
            let piece = self.take()?;
            if !piece.is_empty() {
                if self.framing.is_done() {
                    self.finish();
                } else {
                    self.rest();
                }
                return Poll::Ready(Some(Ok(piece)));
            }
            if let Some(how) = self.ended.filter(|_| !self.framing.is_done()) {
                return Poll::Ready(self.end(how).err().map(Err));
            }
            if waits && !self.framing.is_done() {
                return self.wait(context);
            }
        }
    }

    /// Begins to wait for the next piece.
    fn rest(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.timer.set(self.idle_timeout);
        }
    }

    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
        ready!(connection.timer.poll(context));
        let replica = connection.address.clone();
        self.connection = None;
        Poll::Ready(Some(Err(UpstreamError::Timeout { replica, phase: Phase::Body })))
    }

    /// The content of what was read.
    fn take(&mut self) -> Result<Bytes, UpstreamError> {
        let Some(connection) = &mut self.connection else { return Ok(Bytes::new()) };
        match self.framing.take(&mut connection.input) {
            Ok(piece) => Ok(piece),
            Err(reason) => {
                let replica = connection.address.clone();
                self.connection = None;
                Err(UpstreamError::Protocol { replica, reason })
            }
        }
    }

    /// The replica has ended the connection: the end of the body only where that is how it is delimited.
    fn end(&mut self, how: Ended) -> Result<(), UpstreamError> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        if self.framing == Framing::UntilClose && how == Ended::Orderly {
            self.framing = Framing::Done;
            return Ok(());
        }
        Err(UpstreamError::BodyCut { replica: connection.address })
    }

    /// Gives the connection back where it is certain that the next answer on it belongs to the next request.
    fn finish(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.reusable
            && self.outgoing.is_sent()
        {
            self.shelf.put(connection);
        }
    }
}

/// Goes on sending a request whose answer is already coming. Its failure ends the sending, not the answer.
fn drive(outgoing: &mut Outgoing, connection: &mut Connection, context: &mut Context<'_>) {
    match outgoing.poll(connection, context) {
        Poll::Pending | Poll::Ready(Ok(())) => {}
        Poll::Ready(Err(SendError::Client | SendError::Replica)) => {
            *outgoing = Outgoing::Sent;
            connection.broken = true;
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        if let Some(piece) = self.ahead.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let Some(streaming) = &mut self.streaming else { return Poll::Ready(None) };
        let piece = ready!(streaming.poll_piece(context));
        if !matches!(piece, Some(Ok(_))) || streaming.connection.is_none() {
            self.streaming = None;
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && self.streaming.as_ref().is_none_or(|streaming| streaming.framing.is_done())
    }

    fn size_hint(&self) -> SizeHint {
        let ahead_bytes: u64 = self.ahead.iter().map(|piece| piece.len() as u64).sum();
        match self.streaming.as_ref().map(|streaming| &streaming.framing) {
            Some(Framing::Length(left)) => SizeHint::with_exact(ahead_bytes + left),
            None | Some(Framing::Done) if self.counted => SizeHint::with_exact(ahead_bytes),
            _ => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Content stays out of logs.
        formatter.debug_struct("Body").finish_non_exhaustive()
    }
}
