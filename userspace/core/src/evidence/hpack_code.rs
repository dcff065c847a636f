//! The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B).

use zeroize::Zeroizing;

/// Most bytes that come out of one string.
const MOST: usize = 64 * 1024;

/// The symbols by the length of their code. The code is canonical: within a length, codes count up in this order, and
/// the first code of a length follows the last one of the length before. The end-of-string symbol, the last code of 30
/// bits, never stands in a string and is left out.
static LENGTHS: &[(u32, &[u8])] = &[
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\x00$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
    (19, b"\\\xc3\xd0"),
    (20, b"\x80\x82\x83\xa2\xb8\xc2\xe0\xe2"),
    (21, b"\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6"),
    (22, b"\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\xb9\xba\xbb\xbd\xbe\xc4\xc6\xe4\xe8\xe9"),
    (
        23,
        b"\x01\x87\x89\x8a\x8b\x8c\x8d\x8f\x93\x95\x96\x97\x98\x9b\x9d\x9e\xa5\xa6\xa8\xae\xaf\xb4\xb6\xb7\xbc\xbf\xc5\xe7\xef",
    ),
    (24, b"\x09\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed"),
    (25, b"\xc7\xcf\xea\xeb"),
    (26, b"\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff"),
    (27, b"\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\xfc\xfd\xfe"),
    (
        28,
        b"\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f\xdc\xf9",
    ),
    (30, b"\x0a\x0d\x16"),
];

/// Decodes a string; `None` when a code is none, or the end is padded with anything but ones.
pub(crate) fn decode(coded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // The shortest code has five bits; one allocation, so that nothing is left behind by growing.
    let most = coded.len().checked_mul(8)? / 5;
    if most > MOST {
        return None;
    }
    let mut plain = Zeroizing::new(Vec::with_capacity(most));
    // Bits that were not decoded yet stand at the top.
    let (mut bits, mut count) = (0_u64, 0_u32);
    let mut coded = coded.iter();
    loop {
        while count <= 56
            && let Some(byte) = coded.next()
        {
            bits |= u64::from(*byte) << (56 - count);
            count += 8;
        }
        match symbol(bits, count) {
            Some((symbol, length)) => {
                plain.push(symbol);
                bits <<= length;
                count -= length;
            }
            // Padding: fewer than eight bits, all ones.
            None => {
                let padding = count < 8 && (count == 0 || bits >> (64 - count) == (1 << count) - 1);
                return padding.then_some(plain);
            }
        }
    }
}

/// The symbol whose code stands at the top of `bits`, of which `count` are there, and its code's length.
fn symbol(bits: u64, count: u32) -> Option<(u8, u32)> {
    let (mut first, mut before) = (0_u64, 0_u32);
    for (length, symbols) in LENGTHS {
        if *length > count {
            return None;
        }
        first <<= length.saturating_sub(before);
        before = *length;
        let code = bits >> 64_u32.saturating_sub(*length);
        let at = usize::try_from(code.checked_sub(first)?).ok()?;
        if let Some(symbol) = symbols.get(at) {
            return Some((*symbol, *length));
        }
        first = first.saturating_add(symbols.len() as u64);
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends where it fails")]
mod tests {
    use super::{LENGTHS, decode};

    #[test]
    fn every_symbol_has_one_code_and_no_code_is_left() {
        let mut all: Vec<u8> = LENGTHS.iter().flat_map(|(_, symbols)| symbols.iter().copied()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..=255).collect::<Vec<u8>>());
        // Kraft's sum is one with the end-of-string symbol.
        let sum: u64 = LENGTHS.iter().map(|(length, symbols)| (symbols.len() as u64) << (30 - length)).sum();
        assert_eq!(sum + 1, 1 << 30);
    }

    #[test]
    fn codes_of_appendix_b() {
        for (coded, plain) in [
            (
                &[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff][..],
                &b"www.example.com"[..],
            ),
            (&[0x64, 0x02], b"302"),
            (&[0xff, 0xff, 0xff, 0xff], b""),
            (&[], b""),
            // 22: 30 bits, 0x3ffffffe; then two bits of padding.
            (&[0xff, 0xff, 0xff, 0xfb], b"\x16"),
            // 249: 28 bits, 0xffffffe.
            (&[0xff, 0xff, 0xff, 0xef], b"\xf9"),
        ] {
            let decoded = decode(coded);
            if plain.is_empty() && !coded.is_empty() {
                assert!(
                    decoded.is_none(),
                    "the end of a string, and padding of a byte and more, stand in no string"
                );
            } else {
                assert_eq!(decoded.unwrap().as_slice(), plain);
            }
        }
        assert!(decode(&[0x18]).is_none(), "padding that is not ones");
    }
}
