//! DTLS, behind a ClientHello and between STUN messages.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\0\x01\0\0\x21\x12\xa4\x42aaaaaaaaaaaa"),
    (Responder, b"\x01\x01\0\0\x21\x12\xa4\x42aaaaaaaaaaaa"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    tierzero_fuzz::check_datagrams(OPENING, input);
    tierzero_fuzz::check_datagrams(&[], input);
});
