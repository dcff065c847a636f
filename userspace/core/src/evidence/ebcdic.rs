//! Names as mainframes write them.
//!
//! Source: IBM code pages 37 and 500, which agree in these signs.

/// A name in code page 500 or, where no letter of that is in it, ASCII; trailing spaces and zeros are none of it.
pub(crate) fn name(bytes: &[u8]) -> Vec<u8> {
    let end =
        bytes.iter().rposition(|byte| !matches!(byte, 0 | b' ' | 0x40)).map_or(0, |at| at.saturating_add(1));
    let bytes = bytes.get(..end.min(256)).unwrap_or_default();
    let ebcdic = bytes.iter().any(|byte| *byte >= 0x80);
    bytes.iter().map(|byte| if ebcdic { ascii(*byte) } else { *byte }).collect()
}

/// Letters, digits and the few signs that names have.
fn ascii(byte: u8) -> u8 {
    match byte {
        0x81..=0x89 => byte.wrapping_sub(0x81).wrapping_add(b'a'),
        0x91..=0x99 => byte.wrapping_sub(0x91).wrapping_add(b'j'),
        0xa2..=0xa9 => byte.wrapping_sub(0xa2).wrapping_add(b's'),
        0xc1..=0xc9 => byte.wrapping_sub(0xc1).wrapping_add(b'A'),
        0xd1..=0xd9 => byte.wrapping_sub(0xd1).wrapping_add(b'J'),
        0xe2..=0xe9 => byte.wrapping_sub(0xe2).wrapping_add(b'S'),
        0xf0..=0xf9 => byte.wrapping_sub(0xf0).wrapping_add(b'0'),
        0x40 => b' ',
        0x4b => b'.',
        0x5b => b'$',
        0x60 => b'-',
        0x6d => b'_',
        0x7b => b'#',
        0x7c => b'@',
        _ => b'?',
    }
}
