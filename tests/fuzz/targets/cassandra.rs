//! The dissector of Cassandra's protocol, behind STARTUP and AUTHENTICATE of version 5.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x05\x00\x00\x00\x01\x00\x00\x00\x16\x00\x01\x00\x0bCQL_VERSION\x00\x053.4.5"),
    (Responder, b"\x85\x00\x00\x00\x03\x00\x00\x00\x03\x00\x01A"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
