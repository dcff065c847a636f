//! The X protocol's dissector, behind capabilities.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x01\x00\x00\x00\x01"), (Responder, b"\x03\x00\x00\x00\x02\x0a\x00")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
