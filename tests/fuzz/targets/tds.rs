//! The TDS dissector, behind a PRELOGIN without encryption.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const CALL: &[u8] = b"\x12\x01\0\x1a\0\0\x01\0\0\0\x0b\0\x06\x01\0\x11\0\x01\xff\x10\0\0\0\0\0\x02";
const REPLY: &[u8] = b"\x04\x01\0\x1a\0\0\x01\0\0\0\x0b\0\x06\x01\0\x11\0\x01\xff\x10\0\0\0\0\0\x02";
const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[(Originator, CALL), (Responder, REPLY)];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
