//! The dissector of ClickHouse's protocol, behind a client's name.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x00\x04ABCD"), (Responder, b"\x00\x0aClickHouse")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
