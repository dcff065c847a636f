//! The RDP dissector, from a connection request on.
#![no_main]

use tierzero_core::event::Role::Originator;

const CALL: &[u8] = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0";

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(&[(Originator, CALL)], input));
