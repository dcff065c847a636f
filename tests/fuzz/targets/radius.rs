//! The RADIUS dissector, behind a request with a hidden password.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x01\x07\x00\x2a0123456789abcdef\x01\x04me\x02\x120123456789abcdef")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
