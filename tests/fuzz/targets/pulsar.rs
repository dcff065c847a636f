//! The Pulsar dissector, behind CONNECT and CONNECTED.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x00\x00\x00\x08\x00\x00\x00\x04\x08\x02\x12\x00"),
    (Responder, b"\x00\x00\x00\x08\x00\x00\x00\x04\x08\x03\x1a\x00"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
