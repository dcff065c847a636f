//! The IEEE C37.118 dissector, behind a command that asks for the configuration.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\xaa\x41\x00\x12\x00\x3c\x48\x99\x90\x9a\x00\x34\x2e\xd5\x00\x01\x56\x0b")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
