//! The DICOM dissector, behind the start of an association.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Originator, b"\x01\x00\x00\x00\x00\x50\x00\x01\x00\x00ABC"), (Responder, b"\x02\x00\x00\x00")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
