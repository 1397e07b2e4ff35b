//! A replica's answer: however its bytes arrive, head, content and what follows come out the same, or it is refused.
//!
//! The first byte of an input says how the rest is cut, and whether the request was HEAD.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;

#[path = "../../../../host/backend/src/upstream/failure.rs"]
mod failure;
#[path = "../../../../host/backend/src/upstream/framing.rs"]
mod framing;
#[path = "../../../../host/backend/src/upstream/head.rs"]
mod head;

/// What heads of requests need of the settings.
mod settings {
    use http::HeaderValue;

    pub enum HostHeader {
        Replica,
        Client,
        Fixed(HeaderValue),
    }

    pub struct Replica(HeaderValue);

    impl Replica {
        pub fn authority(&self) -> &HeaderValue {
            &self.0
        }

        pub fn prefix(&self) -> &str {
            ""
        }
    }
}

use failure::ProtocolError;
use framing::Framing;
use head::Scan;

/// Status, fields, content, and what follows a body that has ended.
type Answer = (u16, Vec<(String, Vec<u8>)>, Vec<u8>, Option<Vec<u8>>);

fn read(stream: &[u8], piece_bytes: usize, bodiless: bool) -> Result<Option<Answer>, ProtocolError> {
    let mut input = BytesMut::new();
    let mut scan = Scan::default();
    let mut head = None;
    let mut content = Vec::new();
    for piece in stream.chunks(piece_bytes) {
        input.extend_from_slice(piece);
        if head.is_none()
            && let Some(end) = scan.end(&input)?
        {
            head = Some(head::read(&mut input, end, bodiless)?);
        }
        if let Some(head) = &mut head {
            content.extend_from_slice(&head.framing.take(&mut input)?);
        }
    }
    let Some(head) = head else { return Ok(None) };
    for name in ["connection", "transfer-encoding", "keep-alive", "te", "trailer"] {
        assert!(!head.headers.contains_key(name));
    }
    assert!(!head.reusable || head.framing != Framing::UntilClose);
    let fields =
        head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    let rest = head.framing.is_done().then(|| input.to_vec());
    Ok(Some((head.status.as_u16(), fields, content, rest)))
}

fuzz_target!(|input: &[u8]| {
    let [cut, stream @ ..] = input else { return };
    let bodiless = cut & 0x80 != 0;
    let piece_bytes = usize::from(cut & 0x7f).max(1);
    let at_once = read(stream, stream.len().max(1), bodiless);
    let in_pieces = read(stream, piece_bytes, bodiless);
    match (at_once, in_pieces) {
        (Ok(at_once), Ok(in_pieces)) => assert_eq!(at_once, in_pieces),
        (Err(_), Err(_)) => {}
        (at_once, in_pieces) => panic!("{at_once:?} at once, {in_pieces:?} in pieces"),
    }
});
