//! The Kerberos dissector, behind a request for a ticket without proof.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[(
    Originator,
    b"\x00\x00\x00\x1a\x6a\x18\x30\x16\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa3\x02\x30\x00\xa4\x06\x30\x04\xa0\x02\x03\x00",
)];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
