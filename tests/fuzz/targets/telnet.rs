//! The Telnet dissector, behind options and a prompt.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Responder, b"\xff\xfb\x01login: "), (Originator, b"\xff\xfd\x01x\r\n")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
