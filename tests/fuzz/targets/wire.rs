//! The decoder of kernel records: any bytes, and any bytes behind a header of this layout version.
#![no_main]

use tierzero_core::wire::{Clock, decode, time};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let clock = Clock { offset_ns: 1_767_225_600_000_000_000 };
    let _ = (time(input), decode(input, &clock));
    let Some((kind, rest)) = input.split_first() else { return };
    let record = [&u32::from(*kind).to_ne_bytes(), &tierzero_maps::ABI.to_ne_bytes(), rest].concat();
    let _ = decode(&record, &clock);
});
