//! An answer's body on its way through.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::connection::{Connection, READ_BYTES};
use super::failure::{Phase, UpstreamError};
use super::framing::Framing;
use super::outgoing::{Outgoing, SendError};
use super::shelf::Shelf;

/// The body of a replica's answer. It ends without an error only where the replica ended it.
pub struct Body {
    state: State,
}

enum State {
    /// All of it is in memory, and its connection already serves others.
    Whole {
        bytes: Bytes,
        /// Whether the replica said how long it is; if not, neither do we.
        counted: bool,
    },
    Streaming(Box<Streaming>),
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
    pub(super) ended: Option<io::ErrorKind>,
}

impl Body {
    /// A body without content.
    pub(crate) fn empty() -> Self {
        Body { state: State::Whole { bytes: Bytes::new(), counted: true } }
    }

    /// Begins to hand on what a connection brings. What is whole already gives its connection back at once.
    pub(super) fn new(mut streaming: Streaming) -> Result<Self, UpstreamError> {
        let counted = matches!(streaming.framing, Framing::Length(_) | Framing::Done);
        let at_hand = streaming.connection.as_ref().map_or(0, |connection| connection.input.len());
        let may_be_whole = match streaming.framing {
            Framing::Done => true,
            Framing::Length(_) => !streaming.framing.wants_beyond(at_hand),
            Framing::Chunked(_) | Framing::UntilClose => false,
        };
        if may_be_whole && streaming.outgoing.is_sent() {
            let bytes = streaming.take()?;
            streaming.finish();
            return Ok(Body { state: State::Whole { bytes, counted } });
        }
        if let Some(connection) = &mut streaming.connection {
            connection.timer.set(streaming.idle_timeout);
        }
        Ok(Body { state: State::Streaming(Box::new(streaming)) })
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
            }
            let mut waits = false;
            while self.ended.is_none()
                && connection.input.len() < READ_BYTES
                && self.framing.wants_beyond(connection.input.len())
            {
                match connection.poll_fill(context) {
                    Poll::Ready(Ok(0)) => self.ended = Some(io::ErrorKind::UnexpectedEof),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => self.ended = Some(error.kind()),
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
                } else if let Some(connection) = &mut self.connection {
                    connection.timer.set(self.idle_timeout);
                }
                return Poll::Ready(Some(Ok(piece)));
            }
            if let Some(reason) = self.ended.filter(|_| !self.framing.is_done()) {
                return Poll::Ready(self.end(reason).err().map(Err));
            }
            if waits && !self.framing.is_done() {
                return self.wait(context);
            }
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
    fn end(&mut self, reason: io::ErrorKind) -> Result<(), UpstreamError> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        if self.framing == Framing::UntilClose && reason == io::ErrorKind::UnexpectedEof {
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
        Poll::Ready(Err(SendError::Client | SendError::Replica(_))) => {
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
        match &mut self.state {
            State::Whole { bytes, .. } if bytes.is_empty() => Poll::Ready(None),
            State::Whole { bytes, .. } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            State::Streaming(streaming) => {
                streaming.poll_piece(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Whole { bytes, .. } => bytes.is_empty(),
            State::Streaming(streaming) => streaming.framing.is_done(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Whole { bytes, counted: true } => SizeHint::with_exact(bytes.len() as u64),
            State::Streaming(streaming) => match streaming.framing {
                Framing::Length(left) => SizeHint::with_exact(left),
                _ => SizeHint::default(),
            },
            State::Whole { .. } => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Content stays out of logs.
        formatter.debug_struct("Body").finish_non_exhaustive()
    }
}
