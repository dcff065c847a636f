//! SMB 2 and 3: byte sequences and what they show.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test ends where it fails"
)]

mod evidence_smb_parts;
mod evidence_support;
use evidence_smb_parts::*;
use evidence_support::{Turn, c, check, observe, s};

// Version 2 (MS-SMB2 2.2.1.2).

fn setup(id: u64, session: u64, token: &[u8]) -> Turn {
    let mut body = vec![25, 0, 0, 1];
    body.extend([0; 8]);
    body.extend(88_u16.to_le_bytes());
    body.extend((token.len() as u16).to_le_bytes());
    body.extend([0; 8]);
    body.extend_from_slice(token);
    c(frame(&new(1, 0, 0, id, session, &body)))
}

/// SESSION_SETUP response (2.2.6).
fn set_up(id: u64, session: u64, status: u32, flags: u16) -> Turn {
    let mut body = vec![9, 0];
    body.extend(flags.to_le_bytes());
    body.extend([72, 0, 0, 0]);
    s(frame(&new(1, REPLY, status, id, session, &body)))
}

fn tree(id: u64, session: u64) -> Turn {
    c(frame(&new(3, 0, 0, id, session, &[9, 0, 0, 0, 72, 0, 0, 0])))
}

/// TREE_CONNECT response (2.2.10): kind 1 is a disk, 2 the pipes.
fn connected(id: u64, session: u64, status: u32, kind: u8) -> Turn {
    s(frame(&new(3, REPLY, status, id, session, &[[16, 0, kind, 0].as_slice(), &[0; 12]].concat())))
}

/// CREATE and its response.
fn create(id: u64, session: u64, status: u32) -> [Turn; 2] {
    [c(frame(&new(5, 0, 0, id, session, &[0; 57]))), s(frame(&new(5, REPLY, status, id, session, &[0; 89])))]
}

fn two(parts: &[&[Turn]]) -> Vec<Turn> {
    [negotiated().as_slice()].iter().chain(parts).flat_map(|part| part.iter().cloned()).collect()
}

#[test]
fn ntlm_in_version_2() {
    let begin = [setup(1, 0, NTLM_FIRST), set_up(1, 7, MORE, 0)];
    let turns = two(&[&begin, &[setup(2, 7, &ntlm("bob")), set_up(2, 7, OK, 0)], &create(3, 7, OK)]);
    check(&turns, &[SPEAKS_2, DEMANDS, ANSWERED, ACCEPTED, OPENED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &two(&[&begin, &[setup(2, 7, &ntlm("bob")), set_up(2, 7, LOGON_FAILURE, 0)]]),
        &[SPEAKS_2, DEMANDS, ANSWERED, WRONG],
    );
    for (status, refusal) in [
        (0xc000_0070, "refuses Place [smb.place-refused]"),
        (0xc000_0072, "refuses NotAllowed [smb.not-allowed]"),
        (0xc000_00bb, "refuses Other [smb.session-refused]"),
    ] {
        check(
            &two(&[&begin, &[setup(2, 7, &ntlm("bob")), set_up(2, 7, status, 0)]]),
            &[SPEAKS_2, DEMANDS, ANSWERED, refusal],
        );
    }
    // Not decided before the end.
    check(&two(&[&begin, &[setup(2, 7, &ntlm("bob"))]]), &[SPEAKS_2, ANSWERED]);
    check(&two(&[&begin]), &[SPEAKS_2]);
}

#[test]
fn kerberos_and_unknown_mechanisms() {
    check(
        &two(&[&[setup(1, 0, AP_REQ), set_up(1, 7, OK, 0)]]),
        &[SPEAKS_2, DEMANDS_KEY, TICKET, ACCEPTED, OPENED],
    );
    // A second leg that proves nothing new, as after a request for the mechanism list's MIC.
    check(
        &two(&[&[setup(1, 0, AP_REQ), set_up(1, 7, MORE, 0), setup(2, 7, b"\xa1\0"), set_up(2, 7, OK, 0)]]),
        &[SPEAKS_2, DEMANDS_KEY, TICKET, ACCEPTED, OPENED],
    );
    // A ticket that was offered first, and NTLM that was agreed on: the last proof counts.
    check(
        &two(&[
            &[setup(1, 0, AP_REQ), set_up(1, 7, MORE, 0)],
            &[setup(2, 7, &ntlm("bob")), set_up(2, 7, OK, 0)],
        ]),
        &[SPEAKS_2, DEMANDS, ANSWERED, ACCEPTED, OPENED],
    );
    check(
        &two(&[&[setup(1, 0, b"NEGOEXTS"), set_up(1, 7, OK, 0)], &create(3, 7, OK)]),
        &[SPEAKS_2, DEMANDS, "hidden Unsupported [smb.unknown-proof-accepted]"],
    );
}

#[test]
fn guests_and_null_sessions() {
    // A proof that the receiver did not count.
    let guest = [setup(1, 0, &ntlm("bob")), set_up(1, 7, OK, 1)];
    check(&two(&[&guest]), &[SPEAKS_2, DEMANDS, ANSWERED, GUEST, PUBLIC]);
    check(
        &two(&[&guest, &[tree(2, 7), connected(2, 7, OK, 1)], &create(3, 7, OK)]),
        &[SPEAKS_2, DEMANDS, ANSWERED, GUEST, PUBLIC, SERVED],
    );
    let null = [setup(1, 0, &ntlm("")), set_up(1, 7, OK, 2)];
    let pipes = [tree(2, 7), connected(2, 7, OK, 2)];
    check(&two(&[&null, &pipes]), &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC]);
    check(
        &two(&[&null, &pipes, &create(3, 7, DENIED), &create(4, 7, DENIED)]),
        &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC, "refuses ProofMissing [smb.proof-missing]"],
    );
    check(&two(&[&null, &pipes, &create(3, 7, OK)]), &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC, SERVED]);
    check(
        &two(&[&[setup(1, 0, &ntlm("")), set_up(1, 7, DENIED, 0)]]),
        &[SPEAKS_2, DEMANDS, NOBODY, "refuses ProofMissing [smb.proof-missing]"],
    );
}

#[test]
fn several_sessions_share_a_connection() {
    let null = [setup(1, 0, &ntlm("")), set_up(1, 7, OK, 2)];
    let bob = [setup(2, 0, &ntlm("bob")), set_up(2, 8, OK, 0)];
    check(
        &two(&[&null, &bob, &create(3, 8, OK), &create(4, 7, OK), &create(5, 9, OK)]),
        &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC, ANSWERED, ACCEPTED, OPENED, NOBODY, SERVED],
    );
    // What the named one may not do is said once.
    check(
        &two(&[&bob, &create(3, 8, DENIED), &create(4, 8, DENIED)]),
        &[SPEAKS_2, DEMANDS, ANSWERED, ACCEPTED, OPENED, "refuses NotAllowed [smb.not-allowed]"],
    );
}

#[test]
fn encryption_hides_nothing_of_a_proved_session() {
    let sealed = |session: u64| {
        let mut message = b"\xfdSMB".to_vec();
        message.extend([0; 32]);
        message.extend([16, 0, 0, 0, 0, 0, 1, 0]);
        message.extend(session.to_le_bytes());
        message.extend([9; 16]);
        frame(&message)
    };
    let bob = [setup(2, 0, &ntlm("bob")), set_up(2, 8, OK, 4)];
    let shown = [SPEAKS_2, DEMANDS, ANSWERED, ACCEPTED, OPENED];
    check(&two(&[&bob, &[c(sealed(8)), s(sealed(8))]]), &shown);
    check(
        &two(&[&bob, &[c(sealed(9)), s(sealed(9))]]),
        &[&shown[..], &["hidden Encrypted [smb.sealed]"]].concat(),
    );
    let packed = frame(b"\xfcSMB\0\0\0\0\x01\0\0\0\0\0\0\0xxxx");
    check(&two(&[&bob, &[s(packed.clone())]]), &shown);
    check(&two(&[&[s(packed)]]), &[SPEAKS_2, "hidden Unsupported [smb.sealed]"]);
}

#[test]
fn compounds_pending_answers_and_cuts() {
    let null = [setup(1, 0, &ntlm("")), set_up(1, 7, OK, 2)];
    // Two responses in one frame: the first is padded to 8 bytes and says where the second begins.
    let mut first = new(3, REPLY, OK, 2, 7, &[16, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    first[20] = 80;
    let both = [first, new(5, REPLY, OK, 3, 7, &[0; 89])].concat();
    check(
        &two(&[&null, &[tree(2, 7), s(frame(&both))]]),
        &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC, SERVED],
    );
    check(
        &two(&[&[setup(1, 0, &ntlm("")), set_up(1, 7, 0x103, 0), set_up(1, 7, OK, 2)]]),
        &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC],
    );
    // An answer that nobody waits for is left unread.
    check(&two(&[&[set_up(9, 7, OK, 0)]]), &[SPEAKS_2]);
    let mut wild = new(3, REPLY, OK, 2, 7, &[0; 16]);
    wild[20] = 3;
    check(&two(&[&[s(frame(&wild))]]), &[SPEAKS_2, "hidden Unsupported [stream.unreadable]"]);
    check(&two(&[&[s(b"\0\0\0\x04HTTP")]]), &[SPEAKS_2, "hidden Unsupported [stream.unreadable]"]);
}
