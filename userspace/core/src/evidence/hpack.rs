//! HPACK, the header compression of HTTP/2: field blocks out of bytes, with a table that is bounded.
//!
//! Own code and not a library's: the decoders of HTTP/2 libraries are not offered by themselves, and what is decoded
//! here holds credentials, which must be wiped. Source: RFC 7541. The table's state depends on every block before: a
//! block that is missed or wrong makes all later ones unreadable.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::hpack_code;

/// Largest table that is kept; an encoder that wants more is not followed.
const TABLE: usize = 64 * 1024;
/// What the table holds until the encoder says otherwise (RFC 9113 section 6.5.2).
const TABLE_AT_FIRST: usize = 4096;
/// What an entry counts beside its bytes (RFC 7541 section 4.1).
const ENTRY: usize = 32;
/// Most fields of one block.
const FIELDS: usize = 256;
/// Most bytes of one block's fields.
const BLOCK: usize = 128 * 1024;

/// A field as it was before compression. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: Zeroizing<String>,
    /// Its value.
    pub(crate) value: Zeroizing<Vec<u8>>,
}

impl Field {
    fn size(&self) -> usize {
        self.name.len().saturating_add(self.value.len()).saturating_add(ENTRY)
    }
}

/// One direction's decoder.
pub(crate) struct Decoder {
    /// The dynamic table, newest first.
    table: VecDeque<Field>,
    size: usize,
    limit: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { table: VecDeque::new(), size: 0, limit: TABLE_AT_FIRST }
    }
}

impl std::fmt::Debug for Decoder {
    /// Prints lengths only: fields never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decoder({} of {} bytes)", self.size, self.limit)
    }
}

impl Decoder {
    /// The fields of one block (RFC 7541 section 6); `None` when it is wrong or too large.
    pub(crate) fn block(&mut self, bytes: &[u8]) -> Option<Vec<Field>> {
        let mut cursor = Cursor(bytes);
        let mut fields = Vec::new();
        let mut size = 0_usize;
        while let Some(first) = cursor.byte() {
            let field = match first {
                // 6.1: an indexed field.
                0x80.. => self.entry(number(first, 7, &mut cursor)?)?,
                // 6.2.1: a literal that enters the table.
                0x40..0x80 => {
                    let field = self.literal(number(first, 6, &mut cursor)?, &mut cursor)?;
                    self.add(field.clone());
                    field
                }
                // 6.3: the table's size changes, before the first field.
                0x20..0x40 => {
                    let limit = number(first, 5, &mut cursor)?;
                    if limit > TABLE || !fields.is_empty() {
                        return None;
                    }
                    self.limit = limit;
                    self.evict(0);
                    continue;
                }
                // 6.2.2 and 6.2.3: a literal that doesn't.
                0x00..0x20 => self.literal(number(first, 4, &mut cursor)?, &mut cursor)?,
            };
            size = size.saturating_add(field.size());
            if fields.len() >= FIELDS || size > BLOCK {
                return None;
            }
            fields.push(field);
        }
        Some(fields)
    }

    /// The entry at `index` of the static and dynamic table (RFC 7541 section 2.3.3).
    fn entry(&self, index: usize) -> Option<Field> {
        let at = index.checked_sub(1)?;
        if let Some((name, value)) = STATIC.get(at) {
            return Some(Field {
                name: Zeroizing::new((*name).to_owned()),
                value: Zeroizing::new(value.as_bytes().to_vec()),
            });
        }
        self.table.get(at.checked_sub(STATIC.len())?).cloned()
    }

    /// A literal whose name stands at `index`, or follows for 0.
    fn literal(&self, index: usize, cursor: &mut Cursor<'_>) -> Option<Field> {
        let name = match index {
            0 => Zeroizing::new(std::str::from_utf8(&text(cursor)?).ok()?.to_owned()),
            index => self.entry(index)?.name,
        };
        Some(Field { name, value: text(cursor)? })
    }

    /// RFC 7541 section 4.4: what is larger than the table empties it.
    fn add(&mut self, field: Field) {
        let size = field.size();
        self.evict(size);
        if size <= self.limit {
            self.size = self.size.saturating_add(size);
            self.table.push_front(field);
        }
    }

    /// Drops the oldest entries until there is room.
    fn evict(&mut self, room: usize) {
        while self.size.saturating_add(room) > self.limit
            && let Some(oldest) = self.table.pop_back()
        {
            self.size = self.size.saturating_sub(oldest.size());
        }
    }
}

/// An integer whose first `bits` bits stand in `first` (RFC 7541 section 5.1), at most 28 bits long.
fn number(first: u8, bits: u32, cursor: &mut Cursor<'_>) -> Option<usize> {
    let most = (1_usize << bits).saturating_sub(1);
    let mut value = usize::from(first) & most;
    if value < most {
        return Some(value);
    }
    for shift in [0_u32, 7, 14, 21] {
        let byte = cursor.byte()?;
        value = value.checked_add(usize::from(byte & 0x7f).checked_shl(shift)?)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A string, plain or in the code of appendix B (RFC 7541 section 5.2).
fn text(cursor: &mut Cursor<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let first = cursor.byte()?;
    let length = number(first, 7, cursor)?;
    let bytes = cursor.take(length)?;
    if first & 0x80 == 0 { Some(Zeroizing::new(bytes.to_vec())) } else { hpack_code::decode(bytes) }
}

/// The static table (RFC 7541 appendix A).
static STATIC: &[(&str, &str)] = &[
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]
mod tests {
    use super::{Decoder, number};
    use crate::evidence::cursor::Cursor;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex: String = hex.split_whitespace().collect();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn lines(decoder: &mut Decoder, hex: &str) -> Vec<String> {
        let fields = decoder.block(&bytes(hex)).unwrap();
        fields
            .iter()
            .map(|field| format!("{}: {}", *field.name, String::from_utf8_lossy(&field.value)))
            .collect()
    }

    #[test]
    fn integers_as_rfc_7541_c_1() {
        for (first, bits, rest, value) in
            [(0x0a, 5, &[][..], 10), (0x1f, 5, &[0x9a, 0x0a], 1337), (0x2a, 8, &[], 42)]
        {
            assert_eq!(number(first, bits, &mut Cursor(rest)), Some(value));
        }
        assert_eq!(number(0x1f, 5, &mut Cursor(&[0xff; 9])), None);
    }

    #[test]
    fn requests_without_the_code_as_rfc_7541_c_3() {
        let mut decoder = Decoder::default();
        let first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
        assert_eq!(lines(&mut decoder, "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d"), first);
        assert_eq!(decoder.size, 57);
        let second = [&first[..], &["cache-control: no-cache"]].concat();
        assert_eq!(lines(&mut decoder, "8286 84be 5808 6e6f 2d63 6163 6865"), second);
        assert_eq!(decoder.size, 110);
        let third = [
            ":method: GET",
            ":scheme: https",
            ":path: /index.html",
            ":authority: www.example.com",
            "custom-key: custom-value",
        ];
        assert_eq!(
            lines(&mut decoder, "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65"),
            third
        );
        assert_eq!(decoder.size, 164);
    }

    #[test]
    fn requests_in_the_code_as_rfc_7541_c_4() {
        let mut decoder = Decoder::default();
        let first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
        assert_eq!(lines(&mut decoder, "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"), first);
        assert_eq!(lines(&mut decoder, "8286 84be 5886 a8eb 1064 9cbf")[4], "cache-control: no-cache");
        assert_eq!(
            lines(&mut decoder, "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")[4],
            "custom-key: custom-value"
        );
        assert_eq!(decoder.size, 164);
    }

    #[test]
    fn answers_evict_as_rfc_7541_c_6() {
        let mut decoder = Decoder { limit: 256, ..Decoder::default() };
        let first = [
            ":status: 302",
            "cache-control: private",
            "date: Mon, 21 Oct 2013 20:13:21 GMT",
            "location: https://www.example.com",
        ];
        assert_eq!(
            lines(
                &mut decoder,
                "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
                 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3"
            ),
            first
        );
        assert_eq!(decoder.size, 222);
        assert_eq!(lines(&mut decoder, "4883 640e ffc1 c0bf")[0], ":status: 307");
        assert_eq!(decoder.size, 222);
        let third = lines(
            &mut decoder,
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
             77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
             9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        );
        assert_eq!(third[5], "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
        assert_eq!((decoder.size, decoder.table.len()), (215, 3));
    }

    #[test]
    fn wrong_blocks_are_refused() {
        for hex in ["80", "be", "40", "0f", "3fe1ffff7f", "8220", "4001ff00", "7fffffffffff"] {
            assert!(Decoder::default().block(&bytes(hex)).is_none(), "{hex}");
        }
        let mut decoder = Decoder::default();
        assert_eq!(lines(&mut decoder, "20 40 01 61 01 62"), ["a: b"], "a table of no size keeps nothing");
        assert!(decoder.table.is_empty() && decoder.block(&[0xbe]).is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic_or_grow_the_table(blocks in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..80), 0..8)) {
            let mut decoder = Decoder::default();
            for block in blocks {
                let _ = decoder.block(&block);
                proptest::prop_assert!(decoder.size <= decoder.limit);
            }
        }
    }
}
