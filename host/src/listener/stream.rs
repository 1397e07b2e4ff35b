//! The byte stream between TLS and the HTTP library.
//!
//! It tells the [`Pulse`] what the connection is doing, has HTTP/1.1 framing read a second time by [`Framing`], and
//! can take bytes back when the library's state for an idle connection is given up.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncBufRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::framing::Framing;
use super::places::Place;
use super::pulse::{Doing, Pulse, Verdict};

/// Ends a message that broke the rules: no HTTP parser takes a NUL in a head, a chunk size or a trailer, so the
/// library answers 400 and closes, after the answers to the requests before it.
const POISON: &[u8] = b"\0\r\n\r\n";

/// A TLS connection as the HTTP library sees it.
pub(super) struct Stream {
    /// Boxed, since the stream moves between the library and us.
    tls: Box<TlsStream<TcpStream>>,
    pulse: Arc<Pulse>,
    /// HTTP/1.1 only.
    framing: Option<Framing>,
    /// Inspected bytes that are read again before new ones.
    unread: Bytes,
    poisoned: bool,
    /// Counts as one connection for as long as the stream lives, upgraded or not.
    _place: Place,
}

impl Stream {
    pub(super) fn new(
        tls: TlsStream<TcpStream>,
        pulse: Arc<Pulse>,
        framing: Option<Framing>,
        place: Place,
    ) -> Self {
        Self { tls: Box::new(tls), pulse, framing, unread: Bytes::new(), poisoned: false, _place: place }
    }

    /// Gives bytes back, to be read again first.
    pub(super) fn unread(&mut self, bytes: Bytes) {
        self.unread = bytes;
    }

    /// Waits until there is something to read, without a buffer to read it into; false at the end of the stream.
    pub(super) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.unread.has_remaining() {
            return Poll::Ready(Ok(true));
        }
        let bytes = ready!(Pin::new(&mut self.tls).poll_fill_buf(cx))?;
        Poll::Ready(Ok(!bytes.is_empty()))
    }

    /// Tells the client that nothing more will come, as far as that goes without waiting.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }

    /// After an upgrade nobody else carries verdicts out.
    fn check_upgraded(&self, cx: &mut Context<'_>) -> io::Result<()> {
        if !self.pulse.is_upgraded() {
            return Ok(());
        }
        self.pulse.wake_by(cx.waker());
        match self.pulse.verdict() {
            Verdict::Close => Err(io::ErrorKind::ConnectionAborted.into()),
            _ => Ok(()),
        }
    }
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check_upgraded(cx)?;
        if this.unread.has_remaining() {
            let taken = this.unread.split_to(this.unread.len().min(buffer.remaining()));
            buffer.put_slice(&taken);
            return Poll::Ready(Ok(()));
        }
        if this.poisoned {
            return Poll::Ready(Ok(()));
        }
        let bytes = ready!(Pin::new(&mut this.tls).poll_fill_buf(cx))?;
        let taken = bytes.len().min(buffer.remaining());
        let Some(framing) = this.framing.as_mut().filter(|_| !this.pulse.is_upgraded()) else {
            buffer.put_slice(&bytes[..taken]);
            Pin::new(&mut this.tls).consume(taken);
            return Poll::Ready(Ok(()));
        };
        match framing.inspect(&bytes[..taken]) {
            Ok(()) => buffer.put_slice(&bytes[..taken]),
            Err(violation) => {
                tracing::debug!("request framing refused");
                buffer.put_slice(&bytes[..violation.at]);
                this.poisoned = true;
                this.unread = Bytes::from_static(POISON);
                if violation.at == 0 {
                    let poison = this.unread.split_to(POISON.len().min(buffer.remaining()));
                    buffer.put_slice(&poison);
                }
            }
        }
        this.pulse.now_doing(match framing {
            framing if framing.is_between_requests() => Doing::Waiting,
            framing if framing.is_within_head() => Doing::ReadingHead,
            _ => Doing::ReadingBody,
        });
        Pin::new(&mut this.tls).consume(taken);
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_upgraded(cx)?;
        let progress = Pin::new(&mut this.tls).poll_write(cx, bytes);
        this.pulse.write_blocked(progress.is_pending());
        progress
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.tls).poll_flush(cx);
        this.pulse.write_blocked(progress.is_pending());
        progress
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.tls).poll_shutdown(cx);
        this.pulse.write_blocked(progress.is_pending());
        progress
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_upgraded(cx)?;
        let progress = Pin::new(&mut this.tls).poll_write_vectored(cx, slices);
        this.pulse.write_blocked(progress.is_pending());
        progress
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.pulse.end();
    }
}
