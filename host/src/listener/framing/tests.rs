use super::{Framing, READ_BUFFER_BYTES, Violation};

/// Follows the bytes whole, and in pieces of every small size: the outcome must not depend on how they arrive.
fn inspect(stream: &str) -> Result<(), Violation> {
    let whole = Framing::new(1024).inspect(stream.as_bytes());
    for size in [1, 2, 3, 7] {
        let mut framing = Framing::new(1024);
        let pieces = stream.as_bytes().chunks(size).try_for_each(|piece| framing.inspect(piece));
        assert_eq!(pieces.is_ok(), whole.is_ok(), "{stream:?} in pieces of {size}");
    }
    whole
}

#[test]
fn well_formed_requests_pass_one_after_the_other() {
    for stream in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n\n\n\n\n\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length:0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nab\ncd\r\n00a\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Lengths: x\r\nTransfer-Encodings: y\r\nX-Content-Length: z\r\n\r\n",
    ] {
        assert_eq!(inspect(stream), Ok(()), "{stream:?}");
    }
}

#[test]
fn what_another_proxy_may_have_framed_differently_is_refused() {
    for stream in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n",
        "GET /#fragment HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nabcde\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000005\r\nabcde\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdeXX\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n folded: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    ] {
        assert!(inspect(stream).is_err(), "{stream:?}");
    }
}

#[test]
fn bytes_before_the_offending_line_may_be_handed_on() {
    let stream = b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n";
    let Err(Violation { at }) = Framing::new(1024).inspect(stream) else { panic!("accepted") };
    assert_eq!(&stream[..at], b"GET / HTTP/1.1\r\nHost: a\r\n");
}

#[test]
fn it_knows_when_a_head_is_incomplete() {
    let mut framing = Framing::new(1024);
    for (piece, within_head) in [
        ("\r\n", false),
        ("GET / HT", true),
        ("TP/1.1\r\nHost: a\r\n", true),
        ("\r\n", false),
        ("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na", false),
        ("bG", true),
    ] {
        framing.inspect(piece.as_bytes()).unwrap();
        assert_eq!(framing.is_within_head(), within_head, "{piece:?}");
    }
}

#[test]
fn a_line_that_does_not_end_is_refused_wherever_it_stands() {
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for start in
        ["GET /", "GET / HTTP/1.1\r\nX: ", chunked, &format!("{chunked}1\r\na"), &format!("{chunked}0\r\n")]
    {
        let mut framing = Framing::new(1024);
        framing.inspect(start.as_bytes()).unwrap();
        let fed = (0..100_000).take_while(|_| framing.inspect(b"0").is_ok()).count();
        assert!(fed <= 1024 + READ_BUFFER_BYTES, "{start:?}: {fed}");
    }
}
