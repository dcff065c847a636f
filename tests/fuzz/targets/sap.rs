//! The dissectors of SAP's protocols.
#![no_main]

use tierzero_core::event::Role::Originator;

/// The starts of all four; the input's first byte chooses.
const STARTS: &[&[u8]] = &[
    b"\x00\x00\x00\x18NI_ROUTE\x00\x02\x27\x02\x02\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00",
    b"\x00\x00\x00\x0e**MESSAGE**\x00\x04\x00",
    b"\x00\x00\x00\x0d\x02\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00sap",
    b"\x00\x00\x00\x08\xff\xff\xff\xff\x0a\x00\x00\x00",
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    if let Some(start) = STARTS.get(usize::from(choice % 4)) {
        tierzero_fuzz::check_after(&[(Originator, *start)], rest);
    }
});
