//! The ManageSieve dissector, behind its greeting.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Responder, b"\"IMPLEMENTATION\" \"x\"\x0d\x0aOK\x0d\x0a"),
    (Originator, b"AUTHENTICATE \"PLAIN\"\x0d\x0a"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
