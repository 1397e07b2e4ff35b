//! A request's body on its way to a replica, while the answer may already be coming.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::Body;

use super::connection::{Connection, READ_BYTES};
use super::head::Announced;
use crate::StreamedBody;

/// What is still to be sent of a request: the connection's output, then this.
pub(super) enum Outgoing<B = StreamedBody> {
    /// All is written.
    Sent,
    /// Nothing but the output.
    Head,
    /// The rest of a body in memory.
    Full(Bytes),
    /// From the client's socket; the length that is left to send, where one was announced.
    Stream { body: B, left: Option<u64> },
}

/// Why a request could not be sent whole.
pub(super) enum SendError {
    /// The client's body ended early, went beyond what it announced, or broke the protocol.
    Client,
    /// The replica does not take it.
    Replica,
}

impl<B: Body<Data = Bytes> + Unpin> Outgoing<B> {
    pub(super) fn stream(body: B, announced: Announced) -> Self {
        let left = if let Announced::Length(length) = announced { Some(length) } else { None };
        Outgoing::Stream { body, left }
    }

    pub(super) fn is_sent(&self) -> bool {
        matches!(self, Outgoing::Sent)
    }

    /// Sends what can be sent now. Ready when all is written, or none of it can be.
    pub(super) fn poll(
        &mut self,
        connection: &mut Connection,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        loop {
            // The head and the first pieces leave together, where they are at hand together.
            let waits = self.poll_gather(&mut connection.output, context)?.is_pending();
            ready!(connection.poll_write_out(context)).map_err(|_| SendError::Replica)?;
            match self {
                Outgoing::Sent => return Poll::Ready(Ok(())),
                Outgoing::Head => *self = Outgoing::Sent,
                Outgoing::Full(_) | Outgoing::Stream { .. } if waits => return Poll::Pending,
                Outgoing::Full(_) | Outgoing::Stream { .. } => {}
            }
        }
    }

    /// Puts pieces of the body into the output until that is worth a system call, or the body has ended.
    fn poll_gather(
        &mut self,
        output: &mut Vec<u8>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        while output.len() < READ_BYTES {
            match self {
                Outgoing::Sent | Outgoing::Head => break,
                Outgoing::Full(bytes) => {
                    let piece = bytes.split_to(bytes.len().min(READ_BYTES));
                    output.extend_from_slice(&piece);
                    if bytes.is_empty() {
                        *self = Outgoing::Head;
                    }
                }
                Outgoing::Stream { body, left } => match ready!(Pin::new(body).poll_frame(context)) {
                    Some(Err(_)) => return Poll::Ready(Err(SendError::Client)),
                    Some(Ok(frame)) => {
                        // Trailers are dropped.
                        if let Ok(piece) = frame.into_data() {
                            append(output, &piece, left)?;
                        }
                    }
                    None => {
                        match left {
                            None => output.extend_from_slice(b"0\r\n\r\n"),
                            Some(0) => {}
                            Some(_) => return Poll::Ready(Err(SendError::Client)),
                        }
                        *self = Outgoing::Head;
                    }
                },
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Appends a piece of a body: as it is where its length was announced, else as a chunk.
fn append(output: &mut Vec<u8>, piece: &Bytes, left: &mut Option<u64>) -> Result<(), SendError> {
    if !piece.has_remaining() {
        // An empty chunk would end the body.
        return Ok(());
    }
    match left {
        Some(left) => {
            *left = left.checked_sub(piece.len() as u64).ok_or(SendError::Client)?;
            output.extend_from_slice(piece);
        }
        None => {
            output.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            output.extend_from_slice(piece);
            output.extend_from_slice(b"\r\n");
        }
    }
    Ok(())
}
