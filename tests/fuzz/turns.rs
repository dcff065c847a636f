//! How the targets turn fuzz input into a conversation, and what must hold for every one.

use jiff::Timestamp;
use tierzero_core::event::Role;
use tierzero_core::evidence::{Conversation, Observation};
use tierzero_core::fingerprint::Fingerprinter;

/// Bytes kept of each direction: small, so that limits are reached.
const LIMIT: usize = 2048;

/// One turn: who spoke, and what.
pub type Turn = (Role, Vec<u8>);

/// Reads turns from fuzz input: two bytes of header (who, and how long), then that many bytes.
#[must_use]
pub fn turns(mut input: &[u8]) -> Vec<Turn> {
    let mut turns = Vec::new();
    while let [who, length, rest @ ..] = input {
        let length = (usize::from(*length) + ((usize::from(*who) >> 1) << 3)).min(rest.len());
        let (bytes, later) = rest.split_at(length);
        let from = if who & 1 == 0 { Role::Originator } else { Role::Responder };
        turns.push((from, bytes.to_vec()));
        input = later;
    }
    turns
}

/// What the turns show when each is cut into segments of `size` bytes.
#[must_use]
pub fn observe(turns: &[Turn], size: usize) -> Vec<Observation> {
    let mut conversation = Conversation::new(LIMIT, Fingerprinter::new([7; 32]));
    let (mut out, mut offsets) = (Vec::new(), [0_u64; 2]);
    for (from, bytes) in turns {
        let offset = &mut offsets[usize::from(*from == Role::Responder)];
        for piece in bytes.chunks(size.max(1)) {
            conversation.payload(*from, *offset, piece.len() as u64, piece, Timestamp::UNIX_EPOCH, &mut out);
            *offset += piece.len() as u64;
        }
    }
    conversation.finish(&mut out);
    assert!(conversation.settled());
    out
}

/// Runs a conversation twice, cut differently: it never panics and shows the same.
pub fn check(turns: &[Turn]) {
    assert_eq!(observe(turns, usize::MAX), observe(turns, 3));
}

/// With which input begins that is a whole conversation, as seeds are; any other goes on behind a target's opening.
const WHOLE: u8 = 0xff;

/// What goes before the input, and the input.
fn behind<'a>(opening: &'a [(Role, &'a [u8])], input: &'a [u8]) -> (&'a [(Role, &'a [u8])], &'a [u8]) {
    let mut rest = input;
    while let [WHOLE, later @ ..] = rest {
        rest = later;
    }
    if rest.len() < input.len() { (&[], rest) } else { (opening, input) }
}

/// Runs a conversation that begins as one protocol does, so that its dissector is reached at once.
pub fn check_after(opening: &[(Role, &[u8])], input: &[u8]) {
    let (opening, input) = behind(opening, input);
    let mut all: Vec<Turn> = opening.iter().map(|(from, bytes)| (*from, bytes.to_vec())).collect();
    all.extend(turns(input));
    check(&all);
}

/// Runs a conversation of datagrams, one a turn, that begins with `opening`; it never panics, and ends.
pub fn check_datagrams(opening: &[(Role, &[u8])], input: &[u8]) {
    let mut conversation = Conversation::datagrams(Fingerprinter::new([7; 32]));
    let (mut out, mut numbers) = (Vec::new(), [0_u64; 2]);
    let (opening, input) = behind(opening, input);
    let opening = opening.iter().map(|(from, bytes)| (*from, bytes.to_vec()));
    for (from, bytes) in opening.chain(turns(input)) {
        let number = &mut numbers[usize::from(from == Role::Responder)];
        let length = bytes.len() as u64;
        conversation.payload(from, *number, length, &bytes, Timestamp::UNIX_EPOCH, &mut out);
        *number += 1;
    }
    conversation.finish(&mut out);
    assert!(conversation.settled());
}
