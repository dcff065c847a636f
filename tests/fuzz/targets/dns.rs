//! The DNS dissector over TCP, behind a signed transfer's length and header.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x00\x11\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\xfc\x00\x01"),
    (Responder, b"\x00\x11\x00\x07\x84\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\xfc\x00\x01"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
