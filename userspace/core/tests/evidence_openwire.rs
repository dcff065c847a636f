//! OpenWire: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks openwire [stream.protocol]";
const PASSWORD: &str = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [openwire.password-sent]";
const ACCEPTED: &str = "accepts [openwire.proof-accepted]";
const OPENED: &str = "serves Service [openwire.connection-opened]";

fn sized(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

fn text(value: &str) -> Vec<u8> {
    [&u16::try_from(value.len()).unwrap().to_be_bytes()[..], value.as_bytes()].concat()
}

/// WireFormatInfo: magic, version, a map of two booleans.
fn format(tight: bool, cached: bool) -> Vec<u8> {
    let map = [
        vec![0, 0, 0, 2],
        text("TightEncodingEnabled"),
        vec![1, u8::from(tight)],
        text("CacheEnabled"),
        vec![1, u8::from(cached)],
    ]
    .concat();
    let body = [b"\x01ActiveMQ\0\0\0\x0c\x01".to_vec(), sized(&map)].concat();
    sized(&body)
}

fn formats(tight: bool, cached: bool) -> Vec<Turn> {
    // The receiver's BrokerInfo comes unasked.
    vec![c(format(tight, cached)), s([format(true, true), sized(&[2, 0, 0, 0])].concat())]
}

/// ConnectionInfo in loose encoding: every optional field after a byte.
fn loose(cached: bool, password: Option<&str>, name: Option<&str>) -> Turn {
    let string = |value: Option<&str>| value.map_or(vec![0], |value| [vec![1], text(value)].concat());
    let place: &[u8] = if cached { &[1, 0, 7] } else { &[] };
    let id = [place, &[1, 0x78], &string(Some("ID:1"))].concat();
    c(sized(
        &[&[3, 0, 0, 0, 1, 1][..], &id, &string(Some("ID:c")), &string(password), &string(name), &[0; 5]]
            .concat(),
    ))
}

/// The same in tight encoding with caching: answer wanted, new, there; four strings, each there and ASCII.
fn tight() -> Turn {
    let fields = [
        vec![3, 2, 0b1111_1111, 0b0000_0111, 0, 0, 0, 1, 0, 7, 0x78],
        text("ID:1"),
        text("ID:c"),
        text("MARK1"),
        text("bob"),
    ];
    c(sized(&fields.concat()))
}

fn response(kind: u8, more: &str) -> Turn {
    s(sized(&[&[kind, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], more.as_bytes()].concat()))
}

#[test]
fn a_password_in_every_encoding() {
    let info = loose(false, Some("MARK1"), Some("bob"));
    let with = |formats: Vec<Turn>, info: Turn, answer: Turn| [formats, vec![info, answer]].concat();
    let all = [SPEAKS, PASSWORD, ACCEPTED, OPENED];
    check(&with(formats(false, false), info.clone(), response(30, "")), &all);
    check(&with(formats(false, true), loose(true, Some("MARK1"), Some("bob")), response(30, "")), &all);
    check(&with(formats(true, true), tight(), response(30, "")), &all);
    let wrong = response(31, "java.lang.SecurityException: User name [bob] or password is invalid.");
    check(
        &with(formats(false, false), info.clone(), wrong),
        &[SPEAKS, PASSWORD, "refuses ProofWrong [openwire.connection-refused]"],
    );
    check(
        &with(formats(false, false), info.clone(), response(31, "javax.jms.InvalidClientIDException")),
        &[SPEAKS, PASSWORD, "refuses Other [openwire.exception]"],
    );
    check(&[formats(false, false), vec![info]].concat(), &[SPEAKS, PASSWORD]);
}

#[test]
fn nobody_a_name_and_nonsense() {
    let with = |password, name, answer: Turn| {
        [formats(false, false), vec![loose(false, password, name), answer]].concat()
    };
    check(&with(None, None, response(30, "")), &[SPEAKS, OPENED]);
    check(
        &with(None, Some("bob"), response(30, "")),
        &[SPEAKS, "offers Claim for Connection as User \"bob\" [openwire.name-claimed]", OPENED],
    );
    check(
        &with(None, None, response(31, "java.lang.SecurityException")),
        &[SPEAKS, "refuses ProofMissing [openwire.connection-refused]"],
    );
    let broken = vec![c(sized(&[3, 0]))];
    check(&[formats(false, false), broken].concat(), &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
    check(&[c(format(true, true)), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
