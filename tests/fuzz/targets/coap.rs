//! The CoAP dissector, behind a served request.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x40\x01\x12\x34"), (Responder, b"\x60\x45\x12\x34")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
