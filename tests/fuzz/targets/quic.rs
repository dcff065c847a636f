//! QUIC datagrams, as long as one that begins a connection.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(&[], input));
