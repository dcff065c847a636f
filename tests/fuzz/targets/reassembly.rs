//! Segments at any offset, of any stated length, in any order: bounded and total.
#![no_main]

use jiff::Timestamp;
use tierzero_core::event::Role;
use tierzero_core::evidence::Conversation;
use tierzero_core::fingerprint::Fingerprinter;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut conversation = Conversation::new(600, Fingerprinter::new([7; 32]));
    let (mut out, mut input, mut seconds) = (Vec::new(), input, 0_i64);
    while let [head, offset, far, extra, length, rest @ ..] = input {
        let (bytes, later) = rest.split_at(usize::from(*length).min(rest.len()));
        let from = if head & 1 == 0 { Role::Originator } else { Role::Responder };
        let offset = u64::from(*offset) << (far % 60);
        seconds += i64::from(head >> 6);
        let now = Timestamp::from_second(seconds).unwrap_or_default();
        // The stated length may also be shorter than the bytes: a record that contradicts itself.
        let stated = (bytes.len() as u64 + u64::from(*extra)).saturating_sub(u64::from(head >> 4 & 3));
        conversation.payload(from, offset, stated, bytes, now, &mut out);
        input = later;
    }
    conversation.finish(&mut out);
    assert!(conversation.settled() && out.len() <= 520);
});
