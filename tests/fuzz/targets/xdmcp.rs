//! The XDMCP dissector, behind a question.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x00\x01\x00\x02\x00\x01\x00"), (Responder, b"\x00\x01\x00\x05\x00\x00")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
