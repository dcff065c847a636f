//! The Java RMI dissector, behind an acknowledged greeting.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"JRMI\x00\x02\x4b"),
    (Responder, b"\x4e\x00\x01a\x00\x00\x00\x01"),
    (Originator, b"\x00\x01b\x00\x00\x00\x00"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
