//! The HART-IP dissector, behind an opened session.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x01\x00\x00\x00\x00\x02\x00\x0d\x01\x00\x00\xea\x60"),
    (Responder, b"\x01\x01\x00\x00\x00\x02\x00\x0d\x01\x00\x00\xea\x60"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
