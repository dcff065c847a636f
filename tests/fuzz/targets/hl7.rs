//! The HL7 dissector, behind a message's start of both sides.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[(Originator, b"\x0bMSH"), (Responder, b"\x0bMSH")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
