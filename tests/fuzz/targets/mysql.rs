//! The MySQL dissector, behind a greeting and a response that the receiver still has to judge.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Responder, b"\x15\0\0\0\x0a8.0.36\0\x07\0\0\0saltsalt\0"),
    (Originator, b"=\0\0\x01\0\x82\x08\0\0\0\0\x01!\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0app\0\x02xxcaching_sha2_password\0"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
