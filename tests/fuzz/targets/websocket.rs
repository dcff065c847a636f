//! What a WebSocket carries, behind the answer that opens it.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"GET / HTTP/1.1\x0d\x0aUpgrade: websocket\x0d\x0a\x0d\x0a"),
    (Responder, b"HTTP/1.1 101 Switching\x0d\x0aUpgrade: websocket\x0d\x0a\x0d\x0a"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
