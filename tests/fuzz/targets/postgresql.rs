//! The PostgreSQL dissector, behind a refused request for encryption.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, &[0, 0, 0, 8, 4, 210, 22, 47]), (Responder, b"N")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
