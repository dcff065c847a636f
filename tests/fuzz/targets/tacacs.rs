//! The TACACS+ dissector, behind a login in clear.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\xc0\x01\x01\x01\x00\x00\x00\x09\x00\x00\x00\x0a\x01\x01\x01\x01\x02\x00\x00\x00me"),
    (Responder, b"\xc0\x01\x02\x01\x00\x00\x00\x09\x00\x00\x00\x06\x05\x01\x00\x00\x00\x00"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
