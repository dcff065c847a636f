//! The STOMP dissector, behind CONNECT.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"CONNECT\x0alogin:a\x0a\x0a\x00"), (Responder, b"CONNECTED\x0a")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
