//! The dissector of Oracle Net, behind CONNECT and ACCEPT.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x00\x1c\x00\x00\x01\x00\x00\x00\x01\x3a\x01\x2c\x00\x00\x20\x00\x7f\xff\x7f\x08\x00\x00\x01\x00\x00\x00\x00\x00"),
    (Responder, b"\x00\x0a\x00\x00\x02\x00\x00\x00\x01\x3a"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
