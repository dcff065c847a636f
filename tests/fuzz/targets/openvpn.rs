//! The OpenVPN dissector, behind both resets.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x38aaaaaaaa\0\0\0\0\0"), (Responder, b"\x40bbbbbbbb\x01\0\0\0\0aaaaaaaa\0\0\0\0")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
