//! The DCE/RPC dissector, behind a binding to one interface.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const BIND: &[u8] =
    b"\x05\0\x0b\x03\x10\0\0\0\x48\0\0\0\x01\0\0\0\xd0\x16\xd0\x16\0\0\0\0\x01\0\0\0\0\0\x01\0\
\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x01\0\0\0\
\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\0\x2b\x10\x48\x60\x02\0\0\0";
const BOUND: &[u8] = b"\x05\0\x0c\x03\x10\0\0\0\x1c\0\0\0\x01\0\0\0\xd0\x16\xd0\x16\0\0\0\0\0\0\0\0";
const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[(Originator, BIND), (Responder, BOUND)];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
