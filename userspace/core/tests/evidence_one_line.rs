//! Finger, whois and the identification protocol: one line, and whatever answers it.

mod evidence_support;

use evidence_support::{c, check, s};

#[test]
fn finger_tells_anyone() {
    let told = ["speaks finger [stream.protocol]", "serves Service [finger.told]"];
    check(&[c(b"/W root\r\n"), s(b"Are you lost?\r\n")], &told);
    check(&[c(b"\r\n"), s(b"Login    Name       Tty\r\nroot     root  *pts/0\r\n")], &told);
    check(&[c(b"root\r\n"), s(b"Login: root           \tName: root\r\n")], &told);
    check(&[c(b"nobody\r\n"), s(b"finger: nobody: no such user.\r\n")], &told);
}

#[test]
fn a_prompt_is_no_answer() {
    check(
        &[s(b"Login: "), c(b"root\r\n"), s(b"Password: ")],
        &["speaks finger [stream.protocol]", "hidden Unsupported [stream.unreadable]"],
    );
}

#[test]
fn whois_is_for_everyone() {
    let told = ["speaks whois [stream.protocol]", "serves Public [whois.told]"];
    check(&[c(b"example.com\r\n"), s(b"% IANA WHOIS server\ndomain: EXAMPLE.COM\n")], &told);
    check(&[c(b"domain example.com\n"), s(b"   Domain Name: EXAMPLE.COM\r\n")], &told);
    check(&[c(b"n 192.0.2.1\r\n"), s(b"\n#\n# ARIN WHOIS data\n")], &told);
    check(&[c(b"example.com\r\n"), s(b"\x01\x02")], &["hidden Unsupported [stream.unsupported]"]);
}

#[test]
fn ident_tells_a_user_or_does_not() {
    let speaks = "speaks ident [stream.protocol]";
    check(
        &[c(b"6193, 23\r\n"), s(b"6193, 23 : USERID : UNIX : stjohns\r\n")],
        &[speaks, "serves Service [ident.user-told]"],
    );
    check(
        &[c(b"6195 , 23\r\n"), s(b"6195,23:ERROR:NO-USER\r\n")],
        &[speaks, "refuses Other [ident.not-told]"],
    );
}
