//! SMPP: binds and what they show.

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks smpp [stream.protocol]";
const DEMANDS: &str = "demands Secret [smpp.bind-asked]";
const PASSWORD: &str =
    "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [smpp.password-sent]";
const SERVED: &str = "serves Service [smpp.session-opened]";

/// Length, command, status, sequence, content (section 3.2).
fn unit(command: u32, status: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len().saturating_add(16)).unwrap_or(0);
    [&length.to_be_bytes()[..], &command.to_be_bytes(), &status.to_be_bytes(), &[0, 0, 0, 1], content]
        .concat()
}

/// System id, password, type, version, two numbers, range (section 4.1.1).
fn bind(password: &str) -> Turn {
    c(unit(2, 0, format!("bob\0{password}\0\0\x34\0\0\0").as_bytes()))
}

#[test]
fn binds_are_answered() {
    let bound = |status| s(unit(0x8000_0002, status, b"smsc\0"));
    check(
        &[bind("MARK4"), bound(0), c(unit(4, 0, b"text"))],
        &[SPEAKS, DEMANDS, PASSWORD, "accepts [smpp.proof-accepted]", SERVED],
    );
    check(
        &[bind("MARK4"), bound(0x0e)],
        &[SPEAKS, DEMANDS, PASSWORD, "refuses ProofWrong [smpp.bind-refused]"],
    );
    check(&[bind("MARK4"), bound(0x0d)], &[SPEAKS, DEMANDS, PASSWORD, "refuses Other [smpp.bind-refused]"]);
    let claimed = "offers Claim for Connection as User \"bob\" [sasl.name-claimed]";
    check(&[bind(""), bound(0)], &[SPEAKS, claimed, SERVED]);
    check(&[bind(""), bound(0x0e)], &[SPEAKS, claimed, "refuses ProofMissing [smpp.bind-refused]"]);
    // Nothing decided yet.
    check(&[bind("MARK4"), s(b"\0\0\0\x15\x80\0\0\x02")], &[SPEAKS, DEMANDS, PASSWORD]);
}

#[test]
fn what_is_not_smpp() {
    let unsupported = ["hidden Unsupported [stream.unsupported]"];
    check(&[c(unit(3, 0, b"")), s(unit(0x8000_0002, 0, b""))], &unsupported);
    check(&[bind("x"), s(unit(2, 0, b""))], &unsupported);
    check(
        &[bind("x"), s(unit(0x8000_0002, 0x0d, b"")), c([0; 16])],
        &[
            SPEAKS,
            DEMANDS,
            PASSWORD,
            "refuses Other [smpp.bind-refused]",
            "hidden Unsupported [stream.unreadable]",
        ],
    );
}
