//! The OPC UA dissector, behind hello and acknowledgement.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"HELF\x08\x00\x00\x00"), (Responder, b"ACKF\x08\x00\x00\x00"), (Originator, b"MSGF")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
