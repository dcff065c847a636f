//! The ClientHello in the format of SSL 2.0, by which old callers open any version, and what SSL 2.0 shows of itself.
//!
//! Sources: RFC 5246 appendix E.2, RFC 6176, the SSL 0.2 protocol (Netscape, 1995) sections 1.1, 2.5, 2.6 and 2.8.

use super::cursor::Cursor;
use super::dissector::{Likeness, Next, Notes};
use super::tls_rules::{FAILED, SSL_2};
use super::{Hidden, Refusal, Shown};

/// Bytes of the hello before its lists, the record's header included.
const FIXED: usize = 11;
/// Longest hello that is read.
const HELLO: usize = 1024;
/// Message types.
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 4;

/// Compares with a ClientHello: a header of two bytes, the type, a version, three lengths that add up.
pub(crate) fn call_likeness(bytes: &[u8]) -> Likeness {
    let fits = |at: usize, byte: u8| match at {
        // No padding, and no more than is read.
        0 => (0x80..0x84).contains(&byte),
        2 => byte == CLIENT_HELLO,
        // SSL 2.0 is 0, 2; SSL 3.0 and later are 3, 0 and so on.
        3 => matches!(byte, 0 | 3),
        4 if bytes.get(3) == Some(&0) => byte == 2,
        4 => byte <= 4,
        _ => true,
    };
    if bytes.iter().take(FIXED).enumerate().any(|(at, byte)| !fits(at, *byte)) {
        return Likeness::Unlike;
    }
    match bytes.first_chunk::<FIXED>() {
        None => Likeness::Unsure,
        Some(start) if lengths(*start).is_some() => Likeness::Like,
        Some(_) => Likeness::Unlike,
    }
}

/// Bytes of the whole hello, if the lengths in its start add up: cipher kinds of three bytes, a session of none or 16,
/// a challenge of 16 to 32.
fn lengths(start: [u8; FIXED]) -> Option<usize> {
    let [high, low, _, _, _, c1, c2, s1, s2, h1, h2] = start;
    let body = usize::from(u16::from_be_bytes([high & 0x7f, low]));
    let (ciphers, session) = (u16::from_be_bytes([c1, c2]), u16::from_be_bytes([s1, s2]));
    let challenge = u16::from_be_bytes([h1, h2]);
    let lists = [ciphers, session, challenge].iter().map(|list| usize::from(*list)).sum::<usize>();
    let fits = ciphers > 0
        && ciphers.is_multiple_of(3)
        && matches!(session, 0 | 16)
        && (16..=32).contains(&challenge)
        && lists.saturating_add(FIXED - 2) == body;
    (fits && body < HELLO).then_some(body.saturating_add(2))
}

/// Bytes of the hello at the start of `bytes`; `Ok(None)` while it is not whole, `Err` when it is none.
pub(crate) fn hello(bytes: &[u8]) -> Result<Option<usize>, ()> {
    let Some(start) = bytes.first_chunk::<FIXED>() else { return Ok(None) };
    let length = lengths(*start).ok_or(())?;
    Ok((bytes.len() >= length).then_some(length))
}

/// Compares with what a receiver that speaks SSL 2.0 answers: its hello, or an error.
pub(crate) fn reply_likeness(bytes: &[u8]) -> Likeness {
    match *bytes {
        [] => Likeness::Unsure,
        [first, ..] if first < 0x80 => Likeness::Unlike,
        [_, low, kind, ..] if kind != SERVER_HELLO && (kind, low) != (0, 3) => Likeness::Unlike,
        [_, _, SERVER_HELLO, hit, kind, a, b, ..] => {
            // A session that is resumed has no certificate; the version is 2.
            if hit <= 1 && kind <= 1 && (a, b) == (0, 2) { Likeness::Like } else { Likeness::Unlike }
        }
        [_, _, 0, 0, 1..=6, ..] => Likeness::Like,
        [_, _, 0, _, _, ..] => Likeness::Unlike,
        [_, ..] => Likeness::Unsure,
    }
}

/// What a receiver's answer in SSL 2.0 shows; `None` when it is none. A certificate is asked for behind the encryption.
pub(crate) fn answered(bytes: &[u8], notes: &mut Notes<'_>) -> Option<Next> {
    match reply_likeness(bytes) {
        Likeness::Unlike => None,
        Likeness::Unsure => Some(Next::More),
        Likeness::Like => {
            if Cursor(bytes).take(3).and_then(<[u8]>::last) == Some(&0) {
                notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
            }
            notes.say(&SSL_2, Shown::Hidden { why: Hidden::Encrypted });
            Some(Next::Settled)
        }
    }
}
