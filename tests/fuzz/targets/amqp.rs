//! The dissectors of AMQP 0-9-1 and 1.0, behind their headers; the first byte of the input says which.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OLD: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"AMQP\x00\x00\x09\x01"), (Responder, b"\x01\x00\x00")];
const NEW: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"AMQP\x03\x01\x00\x00"), (Responder, b"AMQP\x03\x01\x00\x00\x00\x00\x00")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let [which, rest @ ..] = input {
        tierzero_fuzz::check_after(if which & 1 == 0 { OLD } else { NEW }, rest);
    }
});
