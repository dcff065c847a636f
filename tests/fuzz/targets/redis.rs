//! The Redis dissector, behind one PING and its answer.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"*1\r\n$4\r\nPING\r\n"), (Responder, b"-NOAUTH x\r\n")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
