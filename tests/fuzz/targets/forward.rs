//! The Forward dissector, behind a greeting.
#![no_main]

use tierzero_core::event::Role::Responder;

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[(Responder, b"\x92\xa4HELO")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
