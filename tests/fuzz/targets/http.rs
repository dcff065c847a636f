//! The HTTP dissector, behind one request and its answer.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"GET /x HTTP/1.1\r\n\r\n"), (Responder, b"HTTP/1.1 401 U\r\nContent-Length: 0\r\n\r\n")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
