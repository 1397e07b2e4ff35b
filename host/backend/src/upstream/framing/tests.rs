use super::*;

/// Feeds a body in pieces of these sizes in turn, and collects its content.
fn fed(
    wire: &[u8],
    piece_bytes: usize,
    mut framing: Framing,
) -> Result<(Vec<u8>, Framing, Vec<u8>), ProtocolError> {
    let mut input = BytesMut::new();
    let mut content = Vec::new();
    for piece in wire.chunks(piece_bytes) {
        input.extend_from_slice(piece);
        content.extend_from_slice(&framing.take(&mut input)?);
    }
    Ok((content, framing, input.to_vec()))
}

fn chunked(wire: &[u8], piece_bytes: usize) -> Result<(Vec<u8>, Framing, Vec<u8>), ProtocolError> {
    fed(wire, piece_bytes, Framing::Chunked(Chunked::default()))
}

#[test]
fn chunks_are_joined_however_they_arrive() {
    let wire = b"5\r\nhello\r\n1;name=value\r\n,\r\n0006\r\n world\r\n0\r\nExpires: never\r\nX: y\r\n\r\nHTTP/1.1 200";
    for piece_bytes in 1..=wire.len() {
        let (content, framing, rest) = chunked(wire, piece_bytes).unwrap();
        assert_eq!(content, b"hello, world", "pieces of {piece_bytes}");
        assert_eq!(framing, Framing::Done);
        assert_eq!(rest, b"HTTP/1.1 200");
    }
}

#[test]
fn chunks_at_hand_become_one_piece() {
    let mut wire = Vec::new();
    let mut expected = Vec::new();
    for index in 0..15u8 {
        wire.extend_from_slice(b"1000\r\n");
        wire.extend_from_slice(&[index; 4096]);
        wire.extend_from_slice(b"\r\n");
        expected.extend_from_slice(&[index; 4096]);
    }
    let mut framing = Framing::Chunked(Chunked::default());
    let mut input = BytesMut::from(&wire[..]);
    assert_eq!(framing.take(&mut input).unwrap(), expected);
    assert!(input.is_empty());
}

#[test]
fn a_length_ends_where_it_says() {
    for piece_bytes in 1..8 {
        let (content, framing, rest) = fed(b"abcdeNEXT", piece_bytes, Framing::Length(5)).unwrap();
        assert_eq!((&content[..], framing, &rest[..]), (&b"abcde"[..], Framing::Done, &b"NEXT"[..]));
    }
    let (_, framing, _) = fed(b"abc", 1, Framing::Length(5)).unwrap();
    assert_eq!(framing, Framing::Length(2));
}

#[test]
fn malformed_chunks_are_refused() {
    let cases: &[(&[u8], ProtocolError)] = &[
        (b"\r\n", ProtocolError::Chunk),
        (b"g\r\n", ProtocolError::Chunk),
        (b"-1\r\n", ProtocolError::Chunk),
        (b"+1\r\n", ProtocolError::Chunk),
        (b"0x1\r\n", ProtocolError::Chunk),
        (b" 1\r\n", ProtocolError::Chunk),
        (b";x\r\n", ProtocolError::Chunk),
        (b"1000000000000000\r\n", ProtocolError::Chunk),
        (b"1\na", ProtocolError::BareLineFeed),
        (b"1\rX", ProtocolError::Chunk),
        (b"1;a\nb\r\n", ProtocolError::BareLineFeed),
        (b"1;a\0\r\n", ProtocolError::Chunk),
        (b"1\r\nab\r\n", ProtocolError::Chunk),
        (b"1\r\na\n", ProtocolError::BareLineFeed),
        (b"0\r\n\n", ProtocolError::BareLineFeed),
        (b"0\r\nA: b\n\r\n", ProtocolError::BareLineFeed),
        (b"0\r\n\rX", ProtocolError::Chunk),
    ];
    for (wire, reason) in cases {
        for piece_bytes in [1, wire.len()] {
            assert_eq!(
                chunked(wire, piece_bytes).unwrap_err(),
                *reason,
                "{:?}",
                wire.escape_ascii().to_string()
            );
        }
    }
}

#[test]
fn extensions_and_trailers_have_a_limit_over_the_whole_body() {
    let mut extensions = Vec::new();
    for _ in 0..200 {
        extensions.extend_from_slice(b"1;");
        extensions.extend_from_slice(&[b'x'; 100]);
        extensions.extend_from_slice(b"\r\na\r\n");
    }
    assert_eq!(chunked(&extensions, extensions.len()).unwrap_err(), ProtocolError::Chunk);
    let mut trailers = b"0\r\nX: ".to_vec();
    trailers.resize(MAX_OVERHEAD_BYTES + 100, b'x');
    assert_eq!(chunked(&trailers, 1000).unwrap_err(), ProtocolError::TrailersTooLarge);
}
