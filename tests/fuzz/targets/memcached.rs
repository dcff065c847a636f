//! The memcached dissector, behind a refused command.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"get a\x0d\x0a"), (Responder, b"CLIENT_ERROR unauthenticated\x0d\x0a")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
