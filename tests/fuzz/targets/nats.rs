//! The NATS dissector, behind an INFO line.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Responder, b"INFO {\"auth_required\":true}\x0d\x0a"), (Originator, b"CONNECT {")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
