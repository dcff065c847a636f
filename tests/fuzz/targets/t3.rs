//! The T3 dissector, behind its greeting.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[(Originator, b"t3 12.2.1\x0aAS:255\x0a\x0a")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
