//! The ZMTP dissector, behind the start of both greetings.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03"),
    (Responder, b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
