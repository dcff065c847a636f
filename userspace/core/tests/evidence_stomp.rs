//! STOMP: frames and what they show.

mod evidence_support;
use evidence_support::{c, check, s};

const SPEAKS: &str = "speaks stomp [stream.protocol]";
const SERVED: &str = "serves Service [stomp.session-opened]";
const PASSWORD: &str = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [stomp.password-sent]";

#[test]
fn sessions_with_and_without_a_passcode() {
    let open = c("CONNECT\naccept-version:1.1\nhost:x\n\n\0");
    let proved = c("STOMP\r\naccept-version:1.2\r\nlogin:bob\r\npasscode:MARK33\r\n\r\n\0\n");
    let connected = s("CONNECTED\nversion:1.1\n\n\0");
    check(&[open.clone(), connected.clone()], &[SPEAKS, SERVED]);
    check(
        &[proved.clone(), connected.clone()],
        &[SPEAKS, PASSWORD, "accepts [stomp.proof-not-refused]", SERVED],
    );
    check(
        &[c("CONNECT\nlogin:bob\n\n\0"), connected],
        &[SPEAKS, "offers Claim for Connection as User \"bob\" [sasl.name-claimed]", SERVED],
    );
    let refused = s("ERROR\nmessage:Bad CONNECT\n\nAccess refused for user 'bob'\0");
    check(
        &[proved.clone(), refused.clone()],
        &[SPEAKS, PASSWORD, "refuses ProofWrong [stomp.session-refused]"],
    );
    check(&[open.clone(), refused], &[SPEAKS, "refuses ProofMissing [stomp.session-refused]"]);
    check(
        &[open, s("ERROR\nmessage:Unknown version\n\n\0")],
        &[SPEAKS, "refuses Other [stomp.session-refused]"],
    );
    check(&[proved, s("CONNECTED\nversion:1.1\n")], &[SPEAKS, PASSWORD]);
}

#[test]
fn what_is_not_stomp() {
    let unsupported = ["hidden Unsupported [stream.unsupported]"];
    check(&[c("CONNECT x:443 HTTP/1.1\r\n\r\n"), s("CONNECTED\n\n\0")], &unsupported);
    check(&[c("CONNECT\n\n\0"), s("CONNECTEDLY\n\n\0")], &unsupported);
    check(
        &[c(format!("CONNECT\nlogin:{}", "x".repeat(13_000))), s("CONNECTED\n\n\0")],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
}
