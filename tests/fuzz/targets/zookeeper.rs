//! The ZooKeeper dissector, behind a session that was opened.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"\0\0\0\x2c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\0\0\0\0\x100123456789abcdef"),
    (Responder, b"\0\0\0\x24\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\x01\0\0\0\x100123456789abcdef"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
