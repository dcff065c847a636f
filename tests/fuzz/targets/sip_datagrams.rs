//! The SIP dissector over UDP, behind a request.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"REGISTER sip:a SIP/2.0\x0d\x0aCSeq: 1 REGISTER\x0d\x0a\x0d\x0a")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
