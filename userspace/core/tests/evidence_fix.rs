//! FIX: logons and what they show.

mod evidence_support;
use evidence_support::{c, check, s};

const SPEAKS: &str = "speaks fix [stream.protocol]";
const SERVED: &str = "serves Service [fix.session-opened]";
const CLAIMED: &str = "offers Claim for Connection as User \"BUYER\" [fix.company-claimed]";
const PASSWORD: &str =
    "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [fix.password-sent]";

/// BeginString, BodyLength, body, CheckSum.
fn message(fields: &[&str]) -> String {
    let body: String = fields.iter().map(|field| format!("{field}\x01")).collect();
    format!("8=FIX.4.4\x019={}\x01{body}10=000\x01", body.len())
}

#[test]
fn logons_are_answered() {
    let logon = |more: &[&str]| {
        c(message(&[&["35=A", "49=BUYER", "56=SELLER", "34=1", "98=0", "108=30"], more].concat()))
    };
    let answered = s(message(&["35=A", "49=SELLER", "56=BUYER", "34=1", "98=0", "108=30"]));
    let refused = |text: &str| s(message(&["35=5", "49=SELLER", "34=1", &format!("58={text}")]));
    check(&[logon(&[]), answered.clone()], &[SPEAKS, CLAIMED, SERVED]);
    check(
        &[logon(&["553=bob", "554=MARK5"]), answered],
        &[SPEAKS, PASSWORD, "accepts [fix.proof-not-refused]", SERVED],
    );
    check(
        &[logon(&["553=bob", "554=MARK5"]), refused("invalid password")],
        &[SPEAKS, PASSWORD, "refuses ProofWrong [fix.session-refused]"],
    );
    check(
        &[logon(&[]), refused("unknown session")],
        &[SPEAKS, CLAIMED, "refuses Other [fix.session-refused]"],
    );
    check(&[logon(&[]), s("8=FIX.4.4\x01")], &[SPEAKS, CLAIMED]);
    check(
        &[c("8=FIX.4.4\x0199=12\x0135=A\x01xxxxxxxxxxxxxxxx"), s("8=FIX.4.4\x01")],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
}
