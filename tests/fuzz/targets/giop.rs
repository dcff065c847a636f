//! The GIOP dissector, behind a question where an object is.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"GIOP\x01\x02\x00\x03\x00\x00\x00\x04\x00\x00\x00\x01"),
    (Responder, b"GIOP\x01\x02\x00\x04\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00\x01"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
