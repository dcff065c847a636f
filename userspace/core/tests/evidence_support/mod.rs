//! What the evidence tests share: a written conversation, and observations as short lines.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "each test uses a part, and ends where it fails"
)]

mod seeds;

use jiff::Timestamp;
use tierzero_core::event::Role;
use tierzero_core::evidence::{Conversation, Observation, Proof, Shown};
use tierzero_core::fingerprint::Fingerprinter;

/// Bytes kept of each direction in tests.
pub const LIMIT: usize = 16 * 1024;

/// One turn: who spoke, and what.
pub type Turn = (Role, Vec<u8>);

/// The originator speaks.
pub fn c(bytes: impl AsRef<[u8]>) -> Turn {
    (Role::Originator, bytes.as_ref().to_vec())
}

/// The responder speaks.
pub fn s(bytes: impl AsRef<[u8]>) -> Turn {
    (Role::Responder, bytes.as_ref().to_vec())
}

/// The fingerprinter of all tests.
pub fn fingerprinter() -> Fingerprinter {
    Fingerprinter::new([7; 32])
}

/// The time of all tests: 2026-01-01T00:00:00Z.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap()
}

/// What a conversation shows when every turn is one segment.
pub fn observe(turns: &[Turn]) -> Vec<Observation> {
    observe_cut(turns, &[usize::MAX])
}

/// What a conversation shows when its turns are cut into segments of the given sizes, used over and over.
pub fn observe_cut(turns: &[Turn], sizes: &[usize]) -> Vec<Observation> {
    let mut conversation = Conversation::new(LIMIT, fingerprinter());
    let mut out = Vec::new();
    let mut offsets = [0_u64; 2];
    let mut sizes = sizes.iter().copied().cycle();
    for (from, bytes) in turns {
        let offset = &mut offsets[usize::from(*from == Role::Responder)];
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(sizes.next().unwrap().clamp(1, rest.len()));
            conversation.payload(*from, *offset, piece.len() as u64, piece, now(), &mut out);
            *offset += piece.len() as u64;
            rest = later;
        }
    }
    conversation.finish(&mut out);
    assert!(conversation.settled());
    // What was asked for has tests of its own; everywhere else it would stand in every line.
    out.retain(|observation| !matches!(observation.shown, Shown::Asks { .. }));
    out
}

/// An observation as a short line: what was shown and the rule's id.
pub fn line(observation: &Observation) -> String {
    let shown = match &observation.shown {
        Shown::Speaks { protocol } => format!("speaks {protocol}"),
        Shown::Demands { proof } => format!("demands {proof:?}"),
        Shown::Offers { proof, scope, principal, credential } => {
            let mut text = format!("offers {proof:?} for {scope:?}");
            if let Some(principal) = principal {
                text += &format!(" as {:?} {:?}", principal.kind, principal.name);
            }
            if let Some(credential) = credential {
                text += &format!(" by {:?}", credential.kind);
                if let Some(seconds) = credential.lifetime_s {
                    text += &format!(" {seconds}s");
                }
                if credential.cleartext {
                    text += " in clear";
                }
                if credential.fingerprint.is_some() {
                    text += " with fingerprint";
                }
            }
            text
        }
        Shown::Declines => "declines".to_owned(),
        Shown::Unverified => "unverified".to_owned(),
        Shown::Accepts => "accepts".to_owned(),
        Shown::Keeps { lifetime_s, .. } => format!("keeps a session for {lifetime_s}s"),
        Shown::Resumes { sessions } => format!("resumes one of {}", sessions.len()),
        Shown::Admits { expected } => format!("admits{}", if *expected { " as expected" } else { "" }),
        Shown::Serves { operation } => format!("serves {operation:?}"),
        Shown::SendsOneWay => "sends one way".to_owned(),
        Shown::Refuses { why } => format!("refuses {why:?}"),
        Shown::Asks { .. } => "asks".to_owned(),
        Shown::AsksPublic => "asks Public".to_owned(),
        Shown::Carries { application, call } => {
            format!(
                "carries {}{}",
                application.as_str(),
                call.iter().map(|call| format!(" {call:?}")).collect::<String>()
            )
        }
        Shown::NamesServer { name } => format!("names server {name}"),
        Shown::Ignores => "ignores".to_owned(),
        Shown::Hidden { why } => format!("hidden {why:?}"),
        Shown::KernelVouches { uid, receiver_looked } => format!("kernel {uid} {receiver_looked}"),
    };
    format!("{shown} [{}]", observation.rule.0.id)
}

/// True when each thing that was accepted had been offered just before: the last offer was more than a claim.
pub fn accepts_only_what_was_offered(shown: &[Observation]) -> bool {
    let mut proved = false;
    shown.iter().all(|one| {
        if let Shown::Offers { proof, .. } = &one.shown {
            proved = *proof != Proof::Claim;
        }
        proved || one.shown != Shown::Accepts
    })
}

/// Checks what a conversation shows, and that it shows the same however its turns are cut.
#[track_caller]
pub fn check(turns: &[Turn], expect: &[&str]) {
    seeds::keep("streams", turns);
    let whole: Vec<String> = observe(turns).iter().map(line).collect();
    assert_eq!(whole, expect);
    for sizes in [&[1][..], &[2, 3, 5], &[7], &[1, 100]] {
        let cut: Vec<String> = observe_cut(turns, sizes).iter().map(line).collect();
        assert_eq!(cut, whole, "cut into {sizes:?}");
    }
}

/// What a conversation of datagrams shows; every turn is one datagram.
pub fn observe_datagrams(turns: &[Turn]) -> Vec<Observation> {
    let mut conversation = Conversation::datagrams(fingerprinter());
    let mut out = Vec::new();
    let mut numbers = [0_u64; 2];
    for (from, bytes) in turns {
        let number = &mut numbers[usize::from(*from == Role::Responder)];
        conversation.payload(*from, *number, bytes.len() as u64, bytes, now(), &mut out);
        *number += 1;
    }
    conversation.finish(&mut out);
    assert!(conversation.settled());
    out
}

/// Checks what a conversation of datagrams shows.
#[track_caller]
pub fn check_datagrams(turns: &[Turn], expect: &[&str]) {
    seeds::keep("datagrams", turns);
    let whole: Vec<String> = observe_datagrams(turns).iter().map(line).collect();
    assert_eq!(whole, expect);
}

/// Conversations of real programs, recorded on loopback through a relay: redis-server 7, PostgreSQL 15, nginx 1.22,
/// OpenSSL 3.0, curl. Every secret in them contains `MARK`.
pub fn recordings() -> Vec<(&'static str, Vec<Turn>)> {
    let mut recordings = Vec::new();
    for line in include_str!("../data/recorded.txt").lines() {
        match line.split_once(' ') {
            Some(("=", name)) => recordings.push((name, Vec::new())),
            Some((who @ ("c" | "s"), hex)) => {
                let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
                let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
                let turn = if who == "c" { c(bytes) } else { s(bytes) };
                recordings.last_mut().unwrap().1.push(turn);
            }
            _ => {}
        }
    }
    recordings
}

/// One recorded conversation.
#[track_caller]
pub fn recorded(name: &str) -> Vec<Turn> {
    recordings().into_iter().find(|(known, _)| *known == name).unwrap().1
}
