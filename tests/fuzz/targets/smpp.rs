//! The SMPP dissector, behind a bind.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x00\x00\x00\x17\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x01a\x00b\x00\x00\x34\x00"),
    (Responder, b"\x00\x00\x00\x10\x80\x00\x00\x09\x00\x00\x00\x0d\x00\x00\x00\x01"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
