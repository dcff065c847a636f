//! The SNMP dissector, behind a request of version 2c.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[(
    Originator,
    b"\x30\x1b\x02\x01\x01\x04\x06public\xa0\x0e\x02\x01\x07\x02\x01\x00\x02\x01\x00\x30\x03\x30\x01\x06",
)];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
