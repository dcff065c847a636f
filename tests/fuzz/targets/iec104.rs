//! The IEC 60870-5-104 dissector, behind the start of data transfer.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x68\x04\x07\x00\x00\x00"), (Responder, b"\x68\x04\x0b\x00\x00\x00")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
