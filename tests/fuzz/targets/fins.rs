//! The FINS dissector, behind an exchange of node addresses.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"FINS\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
    (Responder, b"FINS\x00\x00\x00\x10\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x01"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
