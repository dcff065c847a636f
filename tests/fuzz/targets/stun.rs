//! The STUN dissector, behind a request for a relay.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x00\x03\x00\x00\x21\x12\xa4\x42aaaaaaaaaaaa"),
    (Responder, b"\x01\x13\x00\x00\x21\x12\xa4\x42aaaaaaaaaaaa"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
