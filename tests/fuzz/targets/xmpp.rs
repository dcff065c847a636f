//! The XMPP dissector, behind both stream headers.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[
    (Originator, b"<stream:stream to='a' from='b' version='1.0'>"),
    (Responder, b"<?xml version='1.0'?><stream:stream id='1' version='1.0'>"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
