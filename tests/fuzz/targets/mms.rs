//! The MMS dissector, behind an initiate request.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x03\x00\x00\x0e\x09\xe0\x00\x00\x00\x01\x00\xc0\x01\x0a"),
    (Responder, b"\x03\x00\x00\x0e\x09\xd0\x00\x00\x00\x01\x00\xc0\x01\x0a"),
    (Originator, b"\x03\x00\x00\x0c\x02\xf0\x80\xa8\x03\x80\x01\x09"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
