//! The dissector of NetBIOS names, behind a query.
#![no_main]

use tierzero_core::event::Role::Originator;

const CALL: &[u8] = b"\0\x09\x01\x10\0\x01\0\0\0\0\0\0\x20EFENFAFEFJCACACACACACACACACACACA\0\0\x20\0\x01";

libfuzzer_sys::fuzz_target!(|input: &[u8]| tierzero_fuzz::check_datagrams(&[(Originator, CALL)], input));
