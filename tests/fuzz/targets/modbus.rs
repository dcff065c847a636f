//! The Modbus dissector, behind a request and an exception.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x01\x00\x01"),
    (Responder, b"\x00\x01\x00\x00\x00\x03\x01\x83\x02"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
