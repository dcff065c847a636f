//! DHCPv6 datagrams, and whatever else is for anyone.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x01\x10\x20\x30\x00\x01\x00\x00\x00\x08\x00\x02\x00\x00")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
