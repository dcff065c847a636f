//! The DNP3 dissector, behind frames without user data.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x05\x64\x05\xc0\x01\x00\x00\x04\xe9\x21"),
    (Responder, b"\x05\x64\x05\xc0\x01\x00\x00\x04\xe9\x21"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
