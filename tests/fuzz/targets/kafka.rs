//! The dissector of Kafka's protocol, behind a handshake after which bare frames follow.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x00\x00\x00\x12\x00\x11\x00\x00\x00\x00\x00\x01\x00\x01a\x00\x05PLAIN"),
    (Responder, b"\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
