//! The PROXY protocol, versions 1 and 2: a balancer in front of us says whose connection it passes on.
//!
//! Whoever may send the header must send it, and nobody else may: otherwise anyone could choose their address.
//! Read byte-exact, since the TLS handshake follows at once; the caller sets the deadline.
//! Specification: haproxy's `proxy-protocol.txt`, 2020-03-05.

use std::io;
use std::net::SocketAddr;

use memchr::memchr;
use proxy_header::{ParseConfig, Protocol, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;

/// The longest header of version 1 (section 2.1).
const V1_MOST_BYTES: usize = 107;
/// Signature, command, family and length of version 2 (section 2.2).
const V2_START_BYTES: usize = 16;
/// Version 2 allows 64 KiB of further fields, which are not used here; balancers send some dozens of bytes.
const V2_MOST_BYTES: usize = 4096;

/// Reads the header in front of a connection; `None` when the balancer speaks for itself (a health check).
pub(super) async fn read_header(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut header = Vec::with_capacity(V1_MOST_BYTES);
    fill(stream, &mut header, 1).await?;
    match header[0] {
        b'P' => read_v1(stream, &mut header).await?,
        b'\r' => read_v2(stream, &mut header).await?,
        _ => return Err(malformed()),
    }
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    let (parsed, length) = ProxyHeader::parse(&header, config).map_err(|_| malformed())?;
    if length != header.len() {
        return Err(malformed());
    }
    match parsed.proxied_address() {
        None => Ok(None),
        Some(address) if address.protocol == Protocol::Stream => Ok(Some(address.source)),
        Some(_) => Err(malformed()),
    }
}

/// The rest of a line that ends with LF. Looks before it takes, so that nothing behind the line is taken.
async fn read_v1(stream: &mut TcpStream, header: &mut Vec<u8>) -> io::Result<()> {
    let mut ahead = [0; V1_MOST_BYTES];
    while header.last() != Some(&b'\n') {
        let room = V1_MOST_BYTES - header.len();
        let seen = stream.peek(&mut ahead[..room]).await?;
        if seen == 0 {
            return Err(if room == 0 { malformed() } else { io::ErrorKind::UnexpectedEof.into() });
        }
        let taken = memchr(b'\n', &ahead[..seen]).map_or(seen, |end| end + 1);
        fill(stream, header, taken).await?;
    }
    Ok(())
}

async fn read_v2(stream: &mut TcpStream, header: &mut Vec<u8>) -> io::Result<()> {
    fill(stream, header, V2_START_BYTES - 1).await?;
    let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
    if length > V2_MOST_BYTES {
        return Err(malformed());
    }
    fill(stream, header, length).await
}

/// Takes exactly `count` more bytes.
async fn fill(stream: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>, count: usize) -> io::Result<()> {
    let start = header.len();
    header.resize(start + count, 0);
    stream.read_exact(&mut header[start..]).await.map(drop)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed PROXY protocol header")
}
