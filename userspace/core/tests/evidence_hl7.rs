//! HL7 over MLLP: byte sequences and what they show.

mod evidence_support;
use evidence_support::{c, check, s};

const SPEAKS: &str = "speaks hl7 [stream.protocol]";
const NAMED: &str = "offers Claim for Connection as User \"LAB|WEST\" [hl7.sender-named]";
const CALL: &str = "\x0bMSH|^~\\&|LAB|WEST|EHR|MAIN|20260101||ORU^R01|1|P|2.5\rPID|1||MARK\r\x1c\r";

#[test]
fn a_message_is_taken_or_not() {
    let answer =
        |code: &str| format!("\x0bMSH|^~\\&|EHR|MAIN|LAB|WEST|20260101||ACK|1|P|2.5\rMSA|{code}|1\r\x1c\r");
    for code in ["AA", "CA"] {
        check(&[c(CALL), s(answer(code))], &[SPEAKS, NAMED, "serves Service [hl7.message-accepted]"]);
    }
    for code in ["AE", "AR", "CR"] {
        check(&[c(CALL), s(answer(code))], &[SPEAKS, NAMED, "refuses Other [hl7.message-refused]"]);
    }
}

#[test]
fn cut_nameless_and_wrong() {
    check(&[c(CALL), s("\x0bMSH|^~\\&|EHR")], &[SPEAKS, NAMED]);
    check(
        &[c("\x0bMSH|^~\\&|||EHR\r"), s("\x0bMSH|^~\\&\rMSA|AA\r\x1c\r")],
        &[SPEAKS, "offers Claim for Connection [hl7.sender-named]", "serves Service [hl7.message-accepted]"],
    );
    let unread = "hidden Unsupported [stream.unreadable]";
    check(&[c(CALL), s("\x0bMSH|^~\\&|EHR\r\x1c\r")], &[SPEAKS, NAMED, unread]);
    // The answer ends where it says; a second message behind it is another's.
    let two = "\x0bMSH|^~\\&|EHR\r\x1c\r\x0bMSH|^~\\&\rMSA|AA\r\x1c\r";
    check(&[c(CALL), s(two)], &[SPEAKS, NAMED, unread]);
    check(&[c(format!("\x0bMSH{}", "|x".repeat(2000))), s("\x0bMSH")], &[SPEAKS, unread]);
    check(&[c(CALL), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
