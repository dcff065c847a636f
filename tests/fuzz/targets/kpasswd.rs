//! The dissector of Kerberos' change of passwords, behind a request.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x00\x0f\x00\x01\x00\x07\x6e\x05\x30\x03\xa0\x01\x00\x75\x00")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
