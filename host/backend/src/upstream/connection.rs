//! One connection to a replica: what was read and not yet used, what is to be written.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use tokio::io::AsyncWrite;
use tokio_util::io::poll_read_buf;

use super::failure::UpstreamError;
use super::settings::{PoolSettings, Replica};
use super::socket::Socket;
use super::timer::Timer;

/// How much is read at once, and the largest piece that is handed on. Larger ones gained nothing when measured.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// Below this much room, a new buffer is cheaper than another system call.
const LEAST_ROOM_BYTES: usize = 8 * 1024;

pub(super) struct Connection {
    /// The replica's address, for errors.
    pub(super) address: Arc<str>,
    pub(super) timer: Timer,
    /// Read, but not yet used.
    pub(super) input: BytesMut,
    /// To be written. It is kept from request to request.
    pub(super) output: Vec<u8>,
    /// Whether it can no longer be used for another request.
    pub(super) broken: bool,
    /// Whether something was written since this was last looked at.
    pub(super) moved: bool,
    /// How much of the output is written.
    written: usize,
    socket: Socket,
}

impl Connection {
    pub(super) async fn connect(settings: &PoolSettings, replica: &Replica) -> Result<Self, UpstreamError> {
        let socket = Socket::connect(settings, replica).await?;
        Ok(Connection {
            address: replica.url().clone(),
            timer: Timer::new(),
            input: BytesMut::new(),
            output: Vec::with_capacity(1024),
            broken: false,
            moved: false,
            written: 0,
            socket,
        })
    }

    /// Reads once: how much, 0 at the end.
    pub(super) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.room() < LEAST_ROOM_BYTES {
            // Never beyond the one size, as far as that can be: so the same memory serves again once what was
            // handed on is dropped.
            self.input.reserve(READ_BYTES.saturating_sub(self.input.len()).max(LEAST_ROOM_BYTES));
        }
        poll_read_buf(Pin::new(&mut self.socket), context, &mut self.input)
    }

    /// Whether what was read should be handed on before more is read, since more room would mean copying it.
    pub(super) fn is_full(&self) -> bool {
        self.input.len() >= LEAST_ROOM_BYTES && self.room() < LEAST_ROOM_BYTES
    }

    fn room(&self) -> usize {
        self.input.capacity() - self.input.len()
    }

    /// Writes all of the output, which is then empty.
    pub(super) fn poll_write_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            let rest = self.output.get(self.written..).unwrap_or_default();
            match ready!(Pin::new(&mut self.socket).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => {
                    self.written += count;
                    self.moved = true;
                }
            }
        }
        self.clear_output();
        Pin::new(&mut self.socket).poll_flush(context)
    }

    /// Whether something of the output was written.
    pub(super) fn wrote_anything(&self) -> bool {
        self.written > 0
    }

    /// Forgets what is still to be written, and gives back the room of a large body.
    pub(super) fn clear_output(&mut self) {
        self.written = 0;
        self.output.clear();
        self.output.shrink_to(READ_BYTES);
    }

    /// Whether the replica has neither hung up nor said anything since the last answer.
    ///
    /// What the runtime has noticed so far is known without a system call. A `thorough` look asks the system, for
    /// requests that cannot be sent twice.
    pub(super) fn is_quiet(&mut self, thorough: bool) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        if !self.input.is_empty() || self.poll_fill(&mut context).is_ready() {
            return false;
        }
        if !thorough {
            return true;
        }
        let mut byte = [MaybeUninit::uninit()];
        let looked = socket2::SockRef::from(self.socket.tcp()).peek(&mut byte);
        looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// The socket and what was already read from it.
    pub(super) fn into_socket(self) -> (Socket, BytesMut) {
        (self.socket, self.input)
    }
}
