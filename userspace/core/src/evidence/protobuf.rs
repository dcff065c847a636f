//! Fields of protocol buffers, found by their number without a schema.
//!
//! Source: protobuf.dev "Encoding" (varints, wire types 0, 1, 2 and 5).

use super::cursor::Cursor;

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Field<'a> {
    /// Bytes of a length-delimited or fixed field.
    Bytes(&'a [u8]),
    /// A varint's value.
    Number(u64),
}

/// The next varint.
pub(crate) fn varint(cursor: &mut Cursor<'_>) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = cursor.byte()?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A message that is preceded by its length.
pub(crate) fn delimited<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(cursor)?).ok()?;
    cursor.take(length)
}

/// The first field of this number.
pub(crate) fn field(message: &[u8], number: u64) -> Option<Field<'_>> {
    let mut cursor = Cursor(message);
    while !cursor.0.is_empty() {
        let key = varint(&mut cursor)?;
        let found = match key & 7 {
            0 => Field::Number(varint(&mut cursor)?),
            1 => Field::Bytes(cursor.take(8)?),
            2 => Field::Bytes(delimited(&mut cursor)?),
            5 => Field::Bytes(cursor.take(4)?),
            _ => return None,
        };
        if key >> 3 == number {
            return Some(found);
        }
    }
    None
}

/// The bytes of the first field of this number.
pub(crate) fn bytes(message: &[u8], number: u64) -> Option<&[u8]> {
    match field(message, number)? {
        Field::Bytes(bytes) => Some(bytes),
        Field::Number(_) => None,
    }
}

/// The value of the first field of this number.
pub(crate) fn number(message: &[u8], number: u64) -> Option<u64> {
    match field(message, number)? {
        Field::Number(value) => Some(value),
        Field::Bytes(_) => None,
    }
}
