use super::*;

fn parsed(text: &str, bodiless: bool) -> Result<Head, ProtocolError> {
    let mut input = BytesMut::from(text.as_bytes());
    let end = Scan::default().end(&input)?.expect("a complete head");
    read(&mut input, end, bodiless)
}

fn head_of(text: &str) -> Head {
    parsed(text, false).unwrap()
}

#[test]
fn the_end_of_a_head_is_found_at_any_split() {
    let text = b"HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\nbody\r\n\r\n";
    let expected = text.len() - b"body\r\n\r\n".len();
    for split in 0..=text.len() {
        let mut scan = Scan::default();
        let early = scan.end(&text[..split]).unwrap();
        assert_eq!(early, (split >= expected).then_some(expected));
        if early.is_none() {
            assert_eq!(scan.end(text).unwrap(), Some(expected));
        }
    }
}

#[test]
fn framing_follows_the_standard() {
    let cases = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Framing::Length(5), true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Framing::Done, true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", Framing::Chunked(Chunked::default()), true),
        ("HTTP/1.1 200 OK\r\n\r\n", Framing::UntilClose, false),
        ("HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 5\r\n\r\n", Framing::Length(5), false),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n", Framing::Length(5), false),
        ("HTTP/1.1 204 No Content\r\n\r\n", Framing::Done, true),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Framing::Done, true),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Framing::Done, false),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", Framing::Done, true),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Framing::Done, false),
        ("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", Framing::Done, false),
        ("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n", Framing::Done, true),
    ];
    for (text, framing, reusable) in cases {
        let head = head_of(text);
        assert_eq!((head.framing, head.reusable), (framing, reusable), "{text}");
    }
    let answer_to_head = parsed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true).unwrap();
    assert_eq!((answer_to_head.framing, answer_to_head.reusable), (Framing::Done, false));
    assert!(parsed("HTTP/1.1 200 OK\r\n\r\n", true).unwrap().reusable);
    assert!(parsed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true).unwrap().reusable);
    assert!(!parsed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true).unwrap().reusable);
    assert_eq!(answer_to_head.headers[header::CONTENT_LENGTH], "5");
}

#[test]
fn what_two_readers_could_take_differently_is_refused() {
    let cases = [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", ProtocolError::TwoFramings),
        ("Transfer-Encoding: gzip, chunked", ProtocolError::TransferCoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", ProtocolError::TransferCoding),
        ("Transfer-Encoding: identity", ProtocolError::TransferCoding),
        ("Transfer-Encoding:", ProtocolError::TransferCoding),
        ("Content-Length: 5\r\nContent-Length: 5", ProtocolError::ContentLength),
        ("Content-Length: 5, 5", ProtocolError::ContentLength),
        ("Content-Length: +5", ProtocolError::ContentLength),
        ("Content-Length: 0x5", ProtocolError::ContentLength),
        ("Content-Length:", ProtocolError::ContentLength),
        ("Content-Length: 9999999999999999999", ProtocolError::ContentLength),
        ("Content-Length : 5", ProtocolError::Head),
        (" Content-Length: 5", ProtocolError::Head),
        ("A: b\r\n folded", ProtocolError::Head),
        ("A", ProtocolError::Head),
        (": b", ProtocolError::Head),
        ("A: b\nB: c", ProtocolError::BareLineFeed),
        ("A: b\0c", ProtocolError::Head),
        ("A: b\rc", ProtocolError::Head),
    ];
    for (fields, reason) in cases {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
        assert_eq!(parsed(&text, false).unwrap_err(), reason, "{fields}");
    }
    let older = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(parsed(older, false).unwrap_err(), ProtocolError::TransferCoding);
}

#[test]
fn malformed_status_lines_are_refused() {
    let cases = [
        ("HTTP/2 200 OK\r\n\r\n", ProtocolError::Version),
        ("HTTP/1.2 200 OK\r\n\r\n", ProtocolError::Version),
        ("ICY 200 OK\r\n\r\n", ProtocolError::Head),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", ProtocolError::Head),
        ("HTTP/1.1 20 OK\r\n\r\n", ProtocolError::Head),
        ("HTTP/1.1 2000 OK\r\n\r\n", ProtocolError::Head),
        ("HTTP/1.1 099 OK\r\n\r\n", ProtocolError::Head),
        ("HTTP/1.1  200 OK\r\n\r\n", ProtocolError::Head),
        ("HTTP/1.1 200 OK\n\n", ProtocolError::BareLineFeed),
    ];
    for (text, reason) in cases {
        assert_eq!(parsed(text, false).unwrap_err(), reason, "{text}");
    }
}

#[test]
fn heads_have_limits() {
    let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(MAX_HEAD_BYTES));
    assert_eq!(Scan::default().end(endless.as_bytes()), Err(ProtocolError::HeadTooLarge));
    let fields: String = (0..=MAX_FIELDS).map(|index| format!("A{index}: b\r\n")).collect();
    let many = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    assert_eq!(parsed(&many, false).unwrap_err(), ProtocolError::HeadTooLarge);
}

#[test]
fn hop_by_hop_fields_end_here() {
    let head = head_of(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nTrailer: T\r\n\
         Upgrade: h2c\r\nContent-Length: 1\r\nETag: \"x\"\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n",
    );
    let names: Vec<&str> = head.headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["content-length", "etag", "set-cookie"]);
    assert_eq!(head.headers.get_all(header::SET_COOKIE).iter().count(), 2);
    let switched = head_of("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(switched.headers[header::UPGRADE], "websocket");
    assert!(!switched.headers.contains_key(header::CONNECTION));
}

fn written(target: &Target<'_>, host: &HostHeader, announced: Announced) -> Result<String, UpstreamError> {
    let replica = Replica::parse("http://prometheus.example:9090/prometheus/").unwrap();
    let mut output = Vec::new();
    write(&mut output, target, &replica, host, announced)?;
    Ok(String::from_utf8(output).unwrap())
}

#[test]
fn a_request_is_written_with_our_framing_and_nothing_of_the_client_s_connection() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "gateway"),
        ("accept", "*/*"),
        ("connection", "close"),
        ("te", "trailers"),
        ("expect", "100-continue"),
        ("content-length", "99"),
        ("transfer-encoding", "gzip"),
        ("upgrade", "h2c"),
        ("x-two", "1"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let method = Method::POST;
    let target = Target {
        method: &method,
        path: "/api/v1/query",
        query: Some("a=b"),
        headers: &headers,
        upgrade: false,
    };
    assert_eq!(
        written(&target, &HostHeader::Replica, Announced::Length(7)).unwrap(),
        "POST /prometheus/api/v1/query?a=b HTTP/1.1\r\nhost: prometheus.example:9090\r\naccept: */*\r\n\
         x-two: 1\r\ncontent-length: 7\r\n\r\n"
    );
    let chunked = written(&target, &HostHeader::Client, Announced::Chunked).unwrap();
    assert!(chunked.contains("host: gateway\r\n") && chunked.ends_with("transfer-encoding: chunked\r\n\r\n"));
    let fixed = HostHeader::Fixed(HeaderValue::from_static("inner"));
    assert!(written(&target, &fixed, Announced::Nothing).unwrap().contains("host: inner\r\n"));
    let upgrade = Target { upgrade: true, ..target };
    let upgrade = written(&upgrade, &HostHeader::Replica, Announced::Nothing).unwrap();
    assert!(upgrade.ends_with("upgrade: h2c\r\nconnection: upgrade\r\n\r\n"));
}

#[test]
fn a_path_or_query_that_breaks_the_request_line_is_not_sent() {
    let headers = HeaderMap::new();
    for (path, query) in [
        ("/a b", None),
        ("/a\r\nX: y", None),
        ("/a", Some("b c")),
        ("/a", Some("b\n")),
        ("/a#b", None),
        ("/\u{e4}", None),
        ("a", None),
        ("", None),
    ] {
        let target = Target { method: &Method::GET, path, query, headers: &headers, upgrade: false };
        assert!(written(&target, &HostHeader::Replica, Announced::Nothing).is_err(), "{path:?} {query:?}");
    }
}
