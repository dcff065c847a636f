//! The SSH dissector behind version lines of SSH 1.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Responder, b"SSH-1.5-x\x0d\x0a"), (Originator, b"SSH-1.5-y\x0d\x0a")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
