//! PackStream, the encoding of Bolt's messages: the few texts that are looked for.
//!
//! Source: neo4j.com "PackStream" (markers of every type).

use super::cursor::Cursor;

/// Deepest nesting that is passed over.
const DEPTH: u8 = 16;

/// A login's fields; empty where there are none.
#[derive(Default)]
pub(crate) struct Login<'a> {
    /// `none`, `basic`, `bearer`, `kerberos` or one of a plug-in.
    pub(crate) scheme: &'a [u8],
    /// The name.
    pub(crate) principal: &'a [u8],
    /// The proof.
    pub(crate) credentials: &'a [u8],
}

/// A size of one, two or four bytes, or in the marker itself.
fn size(cursor: &mut Cursor<'_>, marker: u8, tiny: u8, first: u8) -> Option<usize> {
    match marker.checked_sub(first) {
        Some(0) => cursor.byte().map(usize::from),
        Some(1) => cursor.array().map(|size| usize::from(u16::from_be_bytes(size))),
        Some(2) => usize::try_from(u32::from_be_bytes(cursor.array()?)).ok(),
        _ => (marker & 0xf0 == tiny).then_some(usize::from(marker & 0x0f)),
    }
}

/// A text, if one comes next.
fn string<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let marker = cursor.byte()?;
    let length = match marker {
        0x80..=0x8f | 0xd0..=0xd2 => size(cursor, marker, 0x80, 0xd0)?,
        _ => return None,
    };
    cursor.take(length)
}

/// The number of a map's entries, if one comes next.
fn map(cursor: &mut Cursor<'_>) -> Option<usize> {
    let marker = cursor.byte()?;
    match marker {
        0xa0..=0xaf | 0xd8..=0xda => size(cursor, marker, 0xa0, 0xd8),
        _ => None,
    }
}

/// Passes over one value.
fn skip(cursor: &mut Cursor<'_>, depth: u8) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let marker = cursor.byte()?;
    let values = match marker {
        0x00..=0x7f | 0xf0..=0xff | 0xc0 | 0xc2 | 0xc3 => 0,
        0xc8 => cursor.take(1).map(|_| 0)?,
        0xc9 => cursor.take(2).map(|_| 0)?,
        0xca => cursor.take(4).map(|_| 0)?,
        0xc1 | 0xcb => cursor.take(8).map(|_| 0)?,
        0x80..=0x8f | 0xd0..=0xd2 => {
            let length = size(cursor, marker, 0x80, 0xd0)?;
            cursor.take(length).map(|_| 0)?
        }
        0xcc..=0xce => {
            let length = size(cursor, marker, 0, 0xcc)?;
            cursor.take(length).map(|_| 0)?
        }
        0x90..=0x9f | 0xd4..=0xd6 => size(cursor, marker, 0x90, 0xd4)?,
        0xa0..=0xaf | 0xd8..=0xda => size(cursor, marker, 0xa0, 0xd8)?.checked_mul(2)?,
        0xb0..=0xbf => {
            cursor.byte()?;
            usize::from(marker & 0x0f)
        }
        _ => return None,
    };
    // Each value needs a byte: no count leads far.
    for _ in 0..values {
        skip(cursor, depth)?;
    }
    Some(())
}

/// Calls `each` with every entry of a map whose value is a text.
fn texts<'a>(cursor: &mut Cursor<'a>, mut each: impl FnMut(&'a [u8], &'a [u8])) -> Option<()> {
    for _ in 0..map(cursor)? {
        let key = string(cursor)?;
        let mut value = *cursor;
        skip(cursor, DEPTH)?;
        if let Some(text) = string(&mut value) {
            each(key, text);
        }
    }
    Some(())
}

/// The fields of HELLO, LOGON, and of INIT, in which a text comes before the map.
pub(crate) fn login(fields: &[u8]) -> Option<Login<'_>> {
    let mut cursor = Cursor(fields);
    if !matches!(fields.first()?, 0xa0..=0xaf | 0xd8..=0xda) {
        string(&mut cursor)?;
    }
    let mut login = Login::default();
    texts(&mut cursor, |key, value| match key {
        b"scheme" => login.scheme = value,
        b"principal" => login.principal = value,
        b"credentials" => login.credentials = value,
        _ => {}
    })?;
    Some(login)
}

/// The text of this name in a map.
pub(crate) fn text<'a>(fields: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut found = None;
    texts(&mut Cursor(fields), |key, value| {
        if key == wanted {
            found = Some(value);
        }
    })?;
    found
}
