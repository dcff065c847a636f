//! The MQTT dissector, behind a CONNECT of version 5 with an authentication method, and a challenge.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x10\x13\0\x04MQTT\x05\x02\0<\x04\x15\0\x01X\0\x02ab"), (Responder, b"\xf0\x02\x18\0")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
