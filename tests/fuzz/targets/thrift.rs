//! The Thrift dissector, behind a failed call.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x80\x01\x00\x01\x00\x00\x00\x01a\x00\x00\x00\x00\x00"),
    (Responder, b"\x80\x01\x00\x03\x00\x00\x00\x01a\x00\x00\x00\x00\x00"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
