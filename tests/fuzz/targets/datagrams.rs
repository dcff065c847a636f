//! Any datagrams of either side: recognition and every dissector of datagrams.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(&[], input));
