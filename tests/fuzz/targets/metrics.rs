//! The dissectors of statsd, GELF and collectd, behind a host's name.
#![no_main]

use tierzero_core::event::Role::Originator;

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x00\x00\x00\x06h\x00\x00\x08\x00\x04")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(OPENING, input));
