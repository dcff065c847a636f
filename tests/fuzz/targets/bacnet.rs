//! The BACnet/IP dissector, behind a request to restart a device.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x81\x0a\x00\x0f\x01\x04\x00\x05\x02\x14\x09\x00\x1a\x00\x78")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
