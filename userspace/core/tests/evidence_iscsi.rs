//! iSCSI: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks iscsi [stream.protocol]";
const NAMED: &str =
    "offers Claim for Connection as User \"iqn.2000-01.org.example:a\" [iscsi.initiator-named]";
const DEMANDS: &str = "demands Secret [iscsi.proof-demanded]";
const OFFERED: &str = "offers Secret for Connection as User \"bob\" by Password [iscsi.challenge-answered]";
const OPENED: &str = "serves Service [iscsi.session-opened]";
const UNREAD: &str = "hidden Unsupported [stream.unreadable]";

/// Opcode, stages, length of the text, status, text padded to four bytes (RFC 7143 section 11.12, 11.13).
fn login(opcode: u8, stages: u8, status: u16, keys: &[&str]) -> Vec<u8> {
    let text: Vec<u8> = keys.iter().flat_map(|key| [key.as_bytes(), b"\0"].concat()).collect();
    let mut bytes = vec![0; 48];
    bytes[0] = opcode;
    bytes[1] = stages;
    bytes[5..8].copy_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes()[1..]);
    bytes[36..38].copy_from_slice(&status.to_be_bytes());
    bytes.extend(text);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn ask(stages: u8, keys: &[&str]) -> Turn {
    c(login(0x43, stages, 0, keys))
}

fn answer(stages: u8, status: u16, keys: &[&str]) -> Turn {
    s(login(0x23, stages, status, keys))
}

/// The first request: from the security stage to the next.
fn first() -> Turn {
    ask(0x81, &["InitiatorName=iqn.2000-01.org.example:a", "AuthMethod=CHAP,None"])
}

fn chap() -> Vec<Turn> {
    vec![
        first(),
        answer(0, 0, &["AuthMethod=CHAP", "TargetPortalGroupTag=1"]),
        ask(0, &["CHAP_A=5"]),
        answer(0, 0, &["CHAP_A=5", "CHAP_I=0", "CHAP_C=0x00"]),
        ask(0x81, &["CHAP_N=bob", "CHAP_R=0xMARK"]),
    ]
}

#[test]
fn a_challenge_is_answered() {
    let with = |more: &[Turn]| [chap(), more.to_vec()].concat();
    let accepted = "accepts [iscsi.proof-accepted]";
    check(
        &with(&[
            answer(0x81, 0, &[]),
            ask(0x87, &["HeaderDigest=None"]),
            answer(0x87, 0, &["HeaderDigest=None"]),
        ]),
        &[SPEAKS, NAMED, DEMANDS, OFFERED, accepted, OPENED],
    );
    check(&with(&[]), &[SPEAKS, NAMED, DEMANDS, OFFERED]);
    check(&with(&[answer(0x83, 0, &[])]), &[SPEAKS, NAMED, DEMANDS, OFFERED, accepted, OPENED]);
    check(
        &with(&[answer(0, 0x0201, &[])]),
        &[SPEAKS, NAMED, DEMANDS, OFFERED, "refuses ProofWrong [iscsi.authentication-failed]"],
    );
}

#[test]
fn others_are_let_in_or_not() {
    check(
        &[first(), answer(0x81, 0, &["AuthMethod=None"]), ask(0x87, &[]), answer(0x87, 0, &[])],
        &[SPEAKS, NAMED, OPENED],
    );
    let refusals = [
        (0x0201, "refuses ProofMissing [iscsi.authentication-failed]"),
        (0x0202, "refuses NotAllowed [iscsi.not-allowed]"),
        (0x0101, "refuses Other [iscsi.login-refused]"),
        (0x0300, "refuses Other [iscsi.login-refused]"),
    ];
    for (status, shown) in refusals {
        check(&[first(), answer(0, status, &[])], &[SPEAKS, NAMED, shown]);
    }
    check(
        &[
            first(),
            answer(0, 0, &["AuthMethod=KRB5"]),
            ask(0x81, &["KRB_AP_REQ=0xMARK"]),
            answer(0x83, 0, &[]),
        ],
        &[
            SPEAKS,
            NAMED,
            "demands Key [iscsi.proof-demanded]",
            "offers Key for Connection by Ticket [iscsi.ticket-sent]",
            "accepts [iscsi.proof-accepted]",
            OPENED,
        ],
    );
    check(
        &[first(), answer(0, 0, &["AuthMethod=SRP"]), ask(0x81, &["SRP_M=0xMARK"])],
        &[SPEAKS, NAMED, DEMANDS, "offers Secret for Connection by Password [iscsi.challenge-answered]"],
    );
}

#[test]
fn wrong() {
    check(&[first(), answer(0, 0, &[]), c(vec![1; 48])], &[SPEAKS, NAMED, UNREAD]);
    check(&[first(), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
