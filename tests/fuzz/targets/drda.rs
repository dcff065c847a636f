//! The DRDA dissector, behind EXCSAT.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x00\x0a\xd0\x01\x00\x01\x00\x04\x10\x41"),
    (Responder, b"\x00\x0a\xd0\x03\x00\x01\x00\x04\x14\x43"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
