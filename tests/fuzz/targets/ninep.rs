//! The 9P dissector, behind both versions.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x13\x00\x00\x00\x64\xff\xff\x00\x00\x01\x00\x06\x009P2000"),
    (Responder, b"\x13\x00\x00\x00\x65\xff\xff\x00\x00\x01\x00\x06\x009P2000"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
