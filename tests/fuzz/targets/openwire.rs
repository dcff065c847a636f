//! The OpenWire dissector, behind WireFormatInfo of both sides; caching and the encoding are tight.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x00\x00\x00\x30\x01ActiveMQ\x00\x00\x00\x0a\x01\x00\x00\x00\x00TightEncodingEnabled\x01\x01\x00\x00\x00\x00\x00"),
    (Responder, b"\x00\x00\x00\x30\x01ActiveMQ\x00\x00\x00\x0a\x01\x00\x00\x00\x00TightEncodingEnabled\x01\x01\x00\x00\x00\x00\x00"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
