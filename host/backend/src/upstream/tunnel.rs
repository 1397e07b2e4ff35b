//! What an upgraded connection becomes: bytes both ways until one side ends it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;

use super::socket::Socket;
use super::timer::Timer;

/// What is read at once in one direction. Messages in such connections are small.
const PIECE_BYTES: usize = 16 * 1024;

/// Both halves of an upgraded connection. The program spawns [`Tunnel::run`] and answers 101.
pub struct Tunnel {
    client: OnUpgrade,
    replica: Socket,
    /// What the replica said behind its 101.
    read_ahead: BytesMut,
}

impl Tunnel {
    pub(super) fn new(client: OnUpgrade, replica: Socket, read_ahead: BytesMut) -> Self {
        Tunnel { client, replica, read_ahead }
    }

    /// Copies both ways until both sides have ended, one of them fails, or nothing moves for this long. What one
    /// side sent before it ended reaches the other side; then that one's end is passed on.
    ///
    /// Dropping the future closes both connections.
    pub async fn run(self, idle_timeout: Duration) {
        let Tunnel { client, mut replica, read_ahead } = self;
        // The client may go away before it has read the 101.
        let Ok(Ok(client)) = tokio::time::timeout(idle_timeout, client).await else { return };
        let mut client = TokioIo::new(client);
        let mut timer = Timer::new();
        timer.set(idle_timeout);
        let mut up = Direction::new(BytesMut::new());
        let mut down = Direction::new(read_ahead);
        std::future::poll_fn(|context| {
            loop {
                let up_ended = up.poll(&mut client, &mut replica, context);
                let down_ended = down.poll(&mut replica, &mut client, context);
                match (up_ended, down_ended) {
                    (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(()),
                    (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => return Poll::Ready(()),
                    _ => {}
                }
                if !std::mem::take(&mut up.moved) && !std::mem::take(&mut down.moved) {
                    return timer.poll(context);
                }
                up.moved = false;
                down.moved = false;
                timer.set(idle_timeout);
            }
        })
        .await;
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Content stays out of logs.
        formatter.debug_struct("Tunnel").finish_non_exhaustive()
    }
}

/// Bytes from one side to the other.
struct Direction {
    buffer: BytesMut,
    unflushed: bool,
    ended: bool,
    closed: bool,
    /// Whether something moved since this was last looked at.
    moved: bool,
}

impl Direction {
    fn new(buffer: BytesMut) -> Self {
        Direction { buffer, unflushed: false, ended: false, closed: false, moved: false }
    }

    /// Ready when the source has ended and the sink was told.
    fn poll(
        &mut self,
        source: &mut (impl AsyncRead + Unpin),
        sink: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            while !self.buffer.is_empty() {
                let count = ready!(Pin::new(&mut *sink).poll_write(context, &self.buffer))?;
                if count == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                let _ = self.buffer.split_to(count);
                self.unflushed = true;
                self.moved = true;
            }
            if self.ended {
                if !self.closed {
                    ready!(Pin::new(&mut *sink).poll_shutdown(context))?;
                    self.closed = true;
                }
                return Poll::Ready(Ok(()));
            }
            self.buffer.reserve(PIECE_BYTES);
            match poll_read_buf(Pin::new(&mut *source), context, &mut self.buffer)? {
                Poll::Ready(0) => self.ended = true,
                Poll::Ready(_) => self.moved = true,
                Poll::Pending if self.unflushed => {
                    // Flushed only when there is no more to write at once.
                    ready!(Pin::new(&mut *sink).poll_flush(context))?;
                    self.unflushed = false;
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
