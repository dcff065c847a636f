//! The EtherNet/IP dissector, behind a registered session.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const REGISTER: &[u8] =
    b"\x65\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09\x09\x09\x09\x09\x09\x09\x09\x00\x00\x00\x00\x01\x00\x00\x00";
const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[(Originator, REGISTER), (Responder, REGISTER)];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
