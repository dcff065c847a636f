//! The ONC RPC dissector of connections, behind a call of NFS that names its caller; and that of datagrams.
#![no_main]

use tierzero_core::event::Role::{self, Originator, Responder};

const CALL: &[u8] =
    b"\0\0\0\x01\0\0\0\0\0\0\0\x02\0\x01\x86\xa3\0\0\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const REPLY: &[u8] = b"\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const MARKS: [&[u8]; 2] = [b"\x80\0\0\x28", b"\x80\0\0\x1c"];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let [call, reply] = MARKS;
    let opening: [(Role, &[u8]); 2] =
        [(Originator, &[call, CALL].concat()), (Responder, &[reply, REPLY].concat())];
    tierzero_fuzz::check_after(&opening, input);
    tierzero_fuzz::check_datagrams(&[(Originator, CALL), (Responder, REPLY)], input);
});
