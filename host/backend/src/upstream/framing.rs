//! Where a body ends (RFC 9112 sections 6 and 7), and its content without the framing.

use bytes::{Buf, Bytes, BytesMut};

use super::failure::ProtocolError;

/// Chunk extensions and trailers are read over. So much of them is accepted in one body; nobody sends more in
/// earnest, and hyper's server draws the line at the same place.
const MAX_OVERHEAD_BYTES: usize = 16 * 1024;

/// 15 hexadecimal digits cannot overflow 64 bits.
const MAX_SIZE_DIGITS: u8 = 15;

/// How a body is delimited, and how much of it is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Framing {
    /// All of it has come, or there was none.
    Done,
    /// So many bytes.
    Length(u64),
    Chunked(Chunked),
    /// Until the replica ends the connection.
    UntilClose,
}

/// Where a chunked body stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chunked {
    at: At,
    overhead_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size { value: u64, digits: u8 },
    Extension { value: u64 },
    SizeLineFeed { value: u64 },
    Data { left: u64 },
    DataReturn,
    DataLineFeed,
    TrailerStart,
    TrailerLine,
    TrailerLineFeed,
    LastLineFeed,
}

impl Default for At {
    fn default() -> Self {
        At::Size { value: 0, digits: 0 }
    }
}

impl Framing {
    pub(super) fn is_done(&self) -> bool {
        *self == Framing::Done
    }

    /// Whether more than these bytes has to be read from the socket.
    pub(super) fn wants_beyond(&self, read: usize) -> bool {
        match self {
            Framing::Done => false,
            Framing::Length(left) => (read as u64) < *left,
            Framing::Chunked(_) | Framing::UntilClose => true,
        }
    }

    /// Takes the content out of what was read; what follows the body stays. Empty when there is none yet.
    pub(super) fn take(&mut self, input: &mut BytesMut) -> Result<Bytes, ProtocolError> {
        let piece = match self {
            Framing::Done => Bytes::new(),
            Framing::UntilClose => input.split().freeze(),
            Framing::Length(left) => {
                let count = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= count as u64;
                let piece = input.split_to(count).freeze();
                if *left == 0 {
                    *self = Framing::Done;
                }
                piece
            }
            Framing::Chunked(chunked) => {
                let (piece, done) = chunked.take(input)?;
                if done {
                    *self = Framing::Done;
                }
                piece
            }
        };
        Ok(piece)
    }
}

impl Chunked {
    /// Takes the content of all chunks at hand as one piece, and whether it is the last.
    ///
    /// The content is moved together within the buffer that it was read into, over the framing between, so that
    /// small chunks leave as one large piece without another buffer.
    fn take(&mut self, input: &mut BytesMut) -> Result<(Bytes, bool), ProtocolError> {
        let mut read = 0;
        let mut kept = 0;
        let mut done = false;
        while !done && read < input.len() {
            if let At::Data { left } = self.at {
                let count =
                    usize::try_from(left).map_or(input.len() - read, |left| left.min(input.len() - read));
                if kept == 0 {
                    // Nothing is kept yet, so the framing in front can simply go.
                    input.advance(read);
                    read = 0;
                } else {
                    input.copy_within(read..read + count, kept);
                }
                kept += count;
                read += count;
                let left = left - count as u64;
                self.at = if left == 0 { At::DataReturn } else { At::Data { left } };
            } else if let Some(&byte) = input.get(read) {
                read += 1;
                done = self.step(byte)?;
            }
        }
        let mut piece = input.split_to(read);
        piece.truncate(kept);
        Ok((piece.freeze(), done))
    }

    /// One byte of framing. True after the last one.
    fn step(&mut self, byte: u8) -> Result<bool, ProtocolError> {
        self.at = match (self.at, byte) {
            (At::Size { value, digits }, _) if byte.is_ascii_hexdigit() && digits < MAX_SIZE_DIGITS => {
                At::Size { value: value * 16 + u64::from(hexadecimal(byte)), digits: digits + 1 }
            }
            (At::Size { value, digits: 1.. }, b'\r') => At::SizeLineFeed { value },
            (At::Size { value, digits: 1.. }, b';' | b' ' | b'\t') => At::Extension { value },
            (At::Extension { value }, b'\r') => At::SizeLineFeed { value },
            (At::Extension { value }, _) if is_text(byte) => {
                self.count(ProtocolError::Chunk)?;
                At::Extension { value }
            }
            (At::SizeLineFeed { value: 0 }, b'\n') => At::TrailerStart,
            (At::SizeLineFeed { value }, b'\n') => At::Data { left: value },
            (At::DataReturn, b'\r') => At::DataLineFeed,
            (At::DataLineFeed, b'\n') => At::default(),
            (At::TrailerStart, b'\r') => At::LastLineFeed,
            (At::TrailerLine, b'\r') => At::TrailerLineFeed,
            (At::TrailerStart | At::TrailerLine, _) if is_text(byte) => {
                self.count(ProtocolError::TrailersTooLarge)?;
                At::TrailerLine
            }
            (At::TrailerLineFeed, b'\n') => At::TrailerStart,
            (At::LastLineFeed, b'\n') => return Ok(true),
            (_, b'\n') => return Err(ProtocolError::BareLineFeed),
            _ => return Err(ProtocolError::Chunk),
        };
        Ok(false)
    }

    fn count(&mut self, excess: ProtocolError) -> Result<(), ProtocolError> {
        self.overhead_bytes += 1;
        if self.overhead_bytes > MAX_OVERHEAD_BYTES { Err(excess) } else { Ok(()) }
    }
}

/// What a field or an extension may consist of: anything but control characters.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

fn hexadecimal(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    }
}

#[cfg(test)]
mod tests;
