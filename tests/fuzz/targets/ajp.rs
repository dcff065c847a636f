//! The AJP dissector, behind a ping.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x12\x34\x00\x01\x0a"), (Responder, b"AB\x00\x01\x09")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
