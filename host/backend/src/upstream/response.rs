//! A replica's answer, before any module has looked at it.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

use super::body::Body;
use super::failure::UpstreamError;
use super::tunnel::Tunnel;

/// A replica's answer.
#[derive(Debug)]
pub struct Response {
    /// The status; 101 only together with a tunnel.
    pub status: StatusCode,
    /// The headers in the replica's order, without hop-by-hop ones. Where there is a tunnel, `upgrade` is among them.
    pub headers: HeaderMap,
    /// The body as the replica sends it, in its content coding.
    pub body: Body,
    /// Both halves of the upgraded connection, where the replica switched protocols.
    pub tunnel: Option<Tunnel>,
}

impl Response {
    /// Reads the body into memory, up to the limit.
    pub(crate) async fn read(
        self,
        limit_bytes: usize,
    ) -> Result<(StatusCode, HeaderMap, Bytes), UpstreamError> {
        let Response { status, headers, mut body, .. } = self;
        let mut first = Bytes::new();
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame?.into_data() else { continue };
            if first.len() + read.len() + piece.len() > limit_bytes {
                return Err(UpstreamError::AnswerTooLarge { limit_bytes });
            }
            // One piece is the usual case; it is not copied.
            if first.is_empty() && read.is_empty() {
                first = piece;
            } else {
                read.extend_from_slice(&std::mem::take(&mut first));
                read.extend_from_slice(&piece);
            }
        }
        let whole = if read.is_empty() { first } else { read.freeze() };
        Ok((status, headers, whole))
    }
}
