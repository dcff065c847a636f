//! The dissector of LDAP over UDP, behind a search of the root entry.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x30\x0c\x02\x01\x01\x63\x07\x04\x00\x0a\x01\x00\x30\x00")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
