//! The POP3 dissector, behind a greeting and a first command.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const OPENING: &[(tierzero_core::event::Role, &[u8])] =
    &[(Responder, b"+OK x\r\n"), (Originator, b"CAPA\r\n"), (Responder, b"-ERR\r\n")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
