//! The Diameter dissector, behind an exchange of capabilities.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (
        Originator,
        b"\x01\x00\x00\x20\x80\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x01\x08\x40\x00\x00\x0chost",
    ),
    (
        Responder,
        b"\x01\x00\x00\x20\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x01\x0c\x40\x00\x00\x0c\x00\x00\x07\xd1",
    ),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
