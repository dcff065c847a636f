//! What follows a header of the PROXY protocol.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\x0d\x0a")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
