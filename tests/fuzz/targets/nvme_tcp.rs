//! The NVMe/TCP dissector, behind both initial units.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

/// Their fixed starts; the rest of both is zero.
const STARTS: [[u8; 8]; 2] = [*b"\x00\x00\x80\x00\x80\x00\x00\x00", *b"\x01\x00\x80\x00\x80\x00\x00\x00"];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let [call, reply] = STARTS.map(|start| [&start[..], &[0; 120]].concat());
    tierzero_fuzz::check_after(&[(Originator, &call), (Responder, &reply)], input);
});
