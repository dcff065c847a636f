//! The dissectors of printers and of Redis' bus, which read next to nothing.
#![no_main]

use tierzero_core::event::Role::Originator;

/// The starts of both; the input's first byte chooses.
const STARTS: &[&[u8]] = &[b"\x02lp\x0a", b"RCmb\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00"];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    if let Some(start) = STARTS.get(usize::from(choice % 2)) {
        tierzero_fuzz::check_after(&[(Originator, *start)], rest);
    }
});
