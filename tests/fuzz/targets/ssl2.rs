//! TLS behind a hello in the format of SSL 2.0.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x80\x1c\x01\x03\x01\0\x03\0\0\0\x10\0\0\x2fchallengechallen"),
    (Responder, b"\x16\x03\x01\0\x2a\x02\0\0\x26\x03\x01randomrandomrandomrandomrandomra\0\0\x2f\0"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
