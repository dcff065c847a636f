//! Any bytes in any turns: recognition and every dissector.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check(&tierzero_fuzz::turns(input)));
