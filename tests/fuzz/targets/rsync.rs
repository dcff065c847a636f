//! The dissector of the rsync daemon, behind both greetings.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Responder, b"@RSYNCD: 31.0\n"), (Originator, b"@RSYNCD: 31.0\n")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
