//! The dissector of Elasticsearch's transport, behind a request and its answer.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"ES\0\0\0\x0d\0\0\0\0\0\0\0\x01\0\0\x6d\x68\x33"),
    (Responder, b"ES\0\0\0\x0d\0\0\0\0\0\0\0\x01\x01\0\x6d\x68\x33"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
