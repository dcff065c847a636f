//! SMTP: byte sequences and what they show.

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks smtp [stream.protocol]";
const OFFER: &str = "offers Secret for Connection as User \"alice\" by Password in clear with fingerprint [sasl.password-sent]";
const CHALLENGED: &str =
    "offers Secret for Connection as User \"alice\" by Password [sasl.challenge-answered]";
const ACCEPTED: &str = "accepts [smtp.proof-accepted]";
const SESSION: &str = "serves Service [smtp.session-opened]";

/// A greeting, then turns.
fn greeted(turns: &[Turn]) -> Vec<Turn> {
    let mut all = vec![
        s("220 mx.example.org ESMTP\r\n"),
        c("EHLO me\r\n"),
        s("250-mx.example.org\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n"),
    ];
    all.extend_from_slice(turns);
    all
}

#[test]
fn mechanisms_are_told_apart() {
    // NUL alice NUL MARK05
    let plain = greeted(&[c("AUTH PLAIN AGFsaWNlAE1BUkswNQ==\r\n"), s("235 ok\r\n")]);
    check(&plain, &[SPEAKS, OFFER, ACCEPTED, SESSION]);
    let plain = greeted(&[c("AUTH PLAIN\r\n"), s("334\r\n"), c("AGFsaWNlAE1BUkswNQ==\r\n"), s("235 ok\r\n")]);
    check(&plain, &[SPEAKS, OFFER, ACCEPTED, SESSION]);
    let login = greeted(&[
        c("auth login\r\n"),
        s("334 VXNlcm5hbWU6\r\n"),
        c("YWxpY2U=\r\n"),
        s("334 UGFzc3dvcmQ6\r\n"),
        c("TUFSSzA1\r\n"),
        s("235 ok\r\n"),
    ]);
    check(&login, &[SPEAKS, OFFER, ACCEPTED, SESSION]);
    // alice and a digest
    let cram = greeted(&[
        c("AUTH CRAM-MD5\r\n"),
        s("334 PDFAZXhhbXBsZT4=\r\n"),
        c("YWxpY2UgMDAxMTIyMzM0NDU1NjY3Nzg4OTlhYWJiY2NkZGVlZmY=\r\n"),
        s("235 ok\r\n"),
    ]);
    check(&cram, &[SPEAKS, CHALLENGED, ACCEPTED, SESSION]);
    let anonymous = greeted(&[c("AUTH ANONYMOUS eA==\r\n"), s("235 ok\r\n")]);
    check(&anonymous, &[SPEAKS, "offers Claim for Connection [sasl.name-claimed]", SESSION]);
    let unknown = greeted(&[c("AUTH X-ODD eA==\r\n"), s("235 ok\r\n")]);
    check(&unknown, &[SPEAKS, "hidden Unsupported [smtp.unknown-proof-accepted]"]);
}

#[test]
fn refusals_say_what_was_missing_or_wrong() {
    let wrong = greeted(&[c("AUTH PLAIN AGFsaWNlAE1BUkswNQ==\r\n"), s("535 5.7.8 no\r\n")]);
    check(&wrong, &[SPEAKS, OFFER, "refuses ProofWrong [smtp.proof-refused]"]);
    let busy = greeted(&[c("AUTH PLAIN AGFsaWNlAE1BUkswNQ==\r\n"), s("454 4.7.0 later\r\n")]);
    check(&busy, &[SPEAKS, OFFER, "refuses Other [smtp.authentication-not-done]"]);
    let missing = greeted(&[c("MAIL FROM:<a@b>\r\n"), s("530 5.7.0 Authentication required\r\n")]);
    check(
        &missing,
        &[
            SPEAKS,
            "demands Secret [smtp.authentication-required]",
            "refuses ProofMissing [smtp.authentication-required]",
        ],
    );
    let tls = greeted(&[c("MAIL FROM:<a@b>\r\n"), s("530 Must issue a STARTTLS command first\r\n")]);
    check(&tls, &[SPEAKS, "refuses Other [smtp.mail-refused]"]);
}

#[test]
fn mail_without_proof_is_served_when_it_is_taken_and_not_before() {
    let message = "Subject: x\r\n\r\nAUTH PLAIN AGFsaWNlAE1BUkswNQ==\r\n..\r\n.\r\n";
    let mut turns = greeted(&[
        c("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        s("250 ok\r\n250 ok\r\n354 go\r\n"),
        c(message),
    ]);
    check(&turns, &[SPEAKS]);
    turns.push(s("250 taken\r\n"));
    check(&turns, &[SPEAKS, "serves Service [smtp.mail-taken]"]);
    let refused =
        greeted(&[c("MAIL FROM:<a@b>\r\n"), s("250 ok\r\n"), c("RCPT TO:<c@d>\r\n"), s("554 relay\r\n")]);
    check(&refused, &[SPEAKS, "refuses Other [smtp.mail-refused]"]);
    let chunks = greeted(&[
        c("MAIL FROM:<a@b>\r\nBDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\n"),
        s("250 a\r\n250 b\r\n250 c\r\n"),
    ]);
    check(&chunks, &[SPEAKS, "serves Service [smtp.mail-taken]"]);
}

#[test]
fn starttls_leaves_the_rest_to_tls() {
    let turns = greeted(&[c("STARTTLS\r\n"), s("220 go\r\n"), c("MAIL FROM:<a@b>\r\n"), s("250 ok\r\n")]);
    check(&turns, &[SPEAKS, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"]);
    let turns = greeted(&[
        c("STARTTLS\r\n"),
        s("454 no\r\n"),
        c("AUTH PLAIN AGFsaWNlAE1BUkswNQ==\r\n"),
        s("235 ok\r\n"),
    ]);
    check(&turns, &[SPEAKS, OFFER, ACCEPTED, SESSION]);
}

#[test]
fn a_proof_without_an_answer_is_only_offered() {
    check(&greeted(&[c("AUTH PLAIN AGFsaWNlAE1BUkswNQ==\r\n"), s("235 ok")]), &[SPEAKS, OFFER]);
    check(
        &greeted(&[c("AUTH LOGIN\r\n"), s("334 x\r\n"), c("YWxpY2U=\r\n"), s("235 ok\r\n")]),
        &[SPEAKS, "hidden Unsupported [smtp.unknown-proof-accepted]"],
    );
}

#[test]
fn a_proof_that_was_not_accepted_counts_for_nothing() {
    let turns = greeted(&[
        c("AUTH PLAIN AGFsaWNlAE1BUkswNQ==\r\n"),
        s("454 4.7.0 later\r\n"),
        c("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        s("250 ok\r\n250 ok\r\n354 go\r\n"),
        c("x\r\n.\r\n"),
        s("250 taken\r\n"),
    ]);
    check(
        &turns,
        &[
            SPEAKS,
            OFFER,
            "refuses Other [smtp.authentication-not-done]",
            "offers Claim for Connection [smtp.mail-taken]",
            "serves Service [smtp.mail-taken]",
        ],
    );
}
