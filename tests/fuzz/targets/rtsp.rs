//! The RTSP dissector, behind OPTIONS.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"OPTIONS * RTSP/1.0\x0d\x0aCSeq: 1\x0d\x0a\x0d\x0a"),
    (Responder, b"RTSP/1.0 200 OK\x0d\x0aCSeq: 1\x0d\x0a\x0d\x0a"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
