//! Any bytes between runtime and broker: a frame, or an error; what is decoded is encoded to
//! something that is decoded to the same; and how the bytes were cut does not matter.

#![no_main]

use std::fmt::Debug;

use abaca_broker::protocol::{Decoder, Frame, Request, Response, encode};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|case: (u8, &[u8])| {
    let (piece, bytes) = case;
    frames::<Request>(bytes, usize::from(piece) + 1);
    frames::<Response>(bytes, usize::from(piece) + 1);
});

fn frames<H>(bytes: &[u8], piece: usize)
where
    H: serde::Serialize + serde::de::DeserializeOwned + Debug + PartialEq,
{
    let whole = read::<H>(bytes, bytes.len().max(1));
    assert_eq!(whole, read::<H>(bytes, piece), "cut in pieces of {piece}");
    for frame in whole.0 {
        let again = encode(&frame.header, &frame.body).expect("it was within the limits");
        assert_eq!(read::<H>(&again, again.len()).0, [frame]);
    }
    // The same as the text of a header alone: without the prefix, which is hard to guess.
    if let Ok(header) = serde_json::from_slice::<H>(bytes) {
        let text = serde_json::to_value(&header).expect("a header is JSON");
        let again: H = serde_json::from_value::<H>(text.clone()).expect("its own text");
        assert_eq!((again, Value::is_object(&text)), (header, true));
    }
}

/// The frames, and whether an error ended them.
fn read<H: serde::de::DeserializeOwned>(bytes: &[u8], piece: usize) -> (Vec<Frame<H>>, bool) {
    let mut decoder = Decoder::default();
    let mut frames = Vec::new();
    for piece in bytes.chunks(piece) {
        decoder.push(piece);
        loop {
            match decoder.next::<H>() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}
