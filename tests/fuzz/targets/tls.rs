//! The TLS dissector, behind a ClientHello: the first byte chooses a ServerHello of 1.2, of 1.3, or none.
#![no_main]

use tierzero_core::event::Role::{Originator, Responder};

fn hello(kind: u8, rest: &[u8]) -> Vec<u8> {
    let body = [&[3, 3][..], &[9; 32], &[0], rest].concat();
    let length = |extra: usize| u8::try_from(body.len() + extra).unwrap_or(u8::MAX);
    [&[22, 3, 3, 0, length(4), kind, 0, 0, length(0)][..], &body].concat()
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let client = hello(1, &[0, 2, 0x13, 2, 1, 0, 0, 4, 0, 42, 0, 0]);
    let server = match choice % 4 {
        0 => hello(2, &[0xc0, 0x2c, 0, 0, 0]),
        1 => hello(2, &[0x13, 2, 0, 0, 6, 0, 43, 0, 2, 3, 4]),
        2 => hello(2, &[0x13, 1, 0, 0, 10, 0, 43, 0, 2, 3, 4, 0, 41, 0, 0]),
        _ => Vec::new(),
    };
    tierzero_fuzz::check_after(&[(Originator, &client), (Responder, &server)], rest);
});
