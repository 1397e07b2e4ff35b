//! Framing: however the bytes of a connection are cut, the same ones are refused, and each accepted head is unambiguous.
//!
//! The first byte of an input says how the rest is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../../host/src/listener/framing.rs"]
mod framing;

use framing::Framing;

const MOST_LINE_BYTES: usize = 8192;

fuzz_target!(|input: &[u8]| {
    let [size, stream @ ..] = input else { return };
    let mut whole = Framing::new(MOST_LINE_BYTES);
    let at_once = whole.inspect(stream);
    let mut cut = Framing::new(MOST_LINE_BYTES);
    let in_pieces = stream.chunks(usize::from(*size).max(1)).try_for_each(|piece| cut.inspect(piece));
    assert_eq!(at_once.is_ok(), in_pieces.is_ok());
    match at_once {
        Ok(()) => {
            assert_eq!(whole.is_within_head(), cut.is_within_head());
            assert_eq!(whole.is_between_requests(), cut.is_between_requests());
        }
        Err(violation) => {
            assert!(violation.at <= stream.len());
            let mut again = Framing::new(MOST_LINE_BYTES);
            assert!(again.inspect(&stream[..violation.at]).is_ok(), "what may be handed on is in order");
        }
    }
});
