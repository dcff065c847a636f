//! DRDA: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks drda [stream.protocol]";
const DEMANDS: &str = "demands Secret [drda.proof-demanded]";
const ACCEPTED: &str = "accepts [drda.proof-accepted]";
const OPENED: &str = "serves Service [drda.database-opened]";
const UNREAD: &str = "hidden Unsupported [stream.unreadable]";
/// `bob  ` in code page 500.
const BOB: &[u8] = b"\x82\x96\x82\x40\x40";

/// A field or an object: length, code point, value.
fn item(code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap();
    [&length.to_be_bytes()[..], &code.to_be_bytes(), value].concat()
}

/// A data stream structure around an object: 1 is a request, 2 a reply, 3 an object.
fn structure(kind: u8, code: u16, fields: &[Vec<u8>]) -> Vec<u8> {
    let object = item(code, &fields.concat());
    let length = u16::try_from(6 + object.len()).unwrap();
    [&length.to_be_bytes()[..], &[0xd0, kind, 0, 1], &object].concat()
}

fn mechanism(number: u8) -> Vec<u8> {
    item(0x11a2, &[0, number])
}

/// EXCSAT and ACCSEC, answered by EXCSATRD and ACCSECRD.
fn agreed(number: u8) -> Vec<Turn> {
    let asks =
        [structure(0x41, 0x1041, &[item(0x115e, BOB)]), structure(1, 0x106d, &[mechanism(number)])].concat();
    let answers = [structure(0x43, 0x1443, &[]), structure(3, 0x14ac, &[mechanism(number)])].concat();
    vec![c(asks), s(answers)]
}

/// SECCHK with these fields, and ACCRDB.
fn secchk(number: u8, fields: &[Vec<u8>]) -> Turn {
    let fields = [&[mechanism(number)], fields].concat();
    c([structure(0x41, 0x106e, &fields), structure(3, 0x2414, &[]), structure(1, 0x2001, &[])].concat())
}

fn checked(code: u8) -> Vec<u8> {
    structure(2, 0x1219, &[item(0x1149, &[0, 0]), item(0x11a4, &[code])])
}

fn opened() -> Turn {
    s([checked(0), structure(3, 0x2408, &[]), structure(2, 0x2201, &[])].concat())
}

fn user() -> Vec<u8> {
    item(0x11a0, BOB)
}

#[test]
fn passwords() {
    let sent = secchk(3, &[user(), item(0x11a1, b"MARK1")]);
    let offered = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [drda.password-sent]";
    let with = |answer: Turn| [agreed(3), vec![sent.clone(), answer]].concat();
    check(&with(opened()), &[SPEAKS, DEMANDS, offered, ACCEPTED, OPENED]);
    check(&[agreed(3), vec![sent.clone()]].concat(), &[SPEAKS, DEMANDS, offered]);
    let refusals = [
        (0x0f, "refuses ProofWrong [drda.proof-refused]"),
        (0x13, "refuses ProofWrong [drda.proof-refused]"),
        (0x10, "refuses ProofMissing [drda.proof-missing]"),
        (0x14, "refuses NotAllowed [drda.not-allowed]"),
        (0x01, "refuses Other [drda.refused]"),
    ];
    for (code, shown) in refusals {
        check(&with(s(checked(code))), &[SPEAKS, DEMANDS, offered, shown]);
    }
    let no_right = s([checked(0), structure(2, 0x22cb, &[])].concat());
    check(&with(no_right), &[SPEAKS, DEMANDS, offered, ACCEPTED, "refuses NotAllowed [drda.not-allowed]"]);
    let absent = s([checked(0), structure(2, 0x2211, &[])].concat());
    check(&with(absent), &[SPEAKS, DEMANDS, offered, ACCEPTED, "refuses Other [drda.refused]"]);
    check(
        &[agreed(9), vec![secchk(9, &[item(0x11dc, b"MARK"), item(0x11dc, b"MARK")]), opened()]].concat(),
        &[
            SPEAKS,
            DEMANDS,
            "offers Secret for Connection by Password [drda.protected-password-sent]",
            ACCEPTED,
            OPENED,
        ],
    );
}

#[test]
fn names_tickets_and_what_is_not_read() {
    let named = "offers Claim for Connection as User \"bob\" [drda.name-claimed]";
    check(&[agreed(4), vec![secchk(4, &[user()]), opened()]].concat(), &[SPEAKS, named, OPENED]);
    check(
        &[agreed(11), vec![secchk(11, &[item(0x11dc, b"MARK")]), opened()]].concat(),
        &[
            SPEAKS,
            "demands Key [drda.proof-demanded]",
            "offers Key for Connection by Ticket [drda.ticket-sent]",
            ACCEPTED,
            OPENED,
        ],
    );
    check(&[agreed(15), vec![secchk(15, &[]), opened()]].concat(), &[SPEAKS, UNREAD]);
    let mut broken = agreed(3);
    broken.push(c(b"\0\x0a\xd1\x01\0\x01\0\x04\x10\x6e"));
    check(&broken, &[SPEAKS, DEMANDS, UNREAD]);
    check(&[agreed(3).remove(0), s("nonsense..")], &["hidden Unsupported [stream.unsupported]"]);
}
