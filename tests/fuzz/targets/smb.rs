//! The SMB dissector: the negotiation of version 1, then anything.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

const CALL: &[u8] =
    b"\0\0\0/\xffSMBr\0\0\0\0\x08\0@\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0\x01\0\0\x0c\0\x02NT LM 0.12\0";
const REPLY: &[u8] = b"\0\0\0E\xffSMBr\0\0\0\0\x88\0@\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0\x01\0\x11\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const OPENING: &[(tierzero_core::event::Role, &[u8])] = &[(Originator, CALL), (Responder, REPLY)];

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_after(OPENING, input));
