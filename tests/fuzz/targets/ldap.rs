//! The LDAP dissector, behind a search for the root entry and its result.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\x30\x0c\x02\x01\x01\x63\x07\x04\x00\x0a\x01\x00\x87\x00"),
    (Responder, b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
