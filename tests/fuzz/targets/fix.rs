//! The FIX dissector, behind a Logon.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"8=FIX.4.4\x019=10\x0135=A\x0149=B\x0110=000\x01"), (Responder, b"8=FIX.4.4\x01")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
