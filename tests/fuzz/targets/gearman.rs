//! The Gearman dissector, behind an echo.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x00REQ\x00\x00\x00\x10\x00\x00\x00\x00"),
    (Responder, b"\x00RES\x00\x00\x00\x11\x00\x00\x00\x00"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
