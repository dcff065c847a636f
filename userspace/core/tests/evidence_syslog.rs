//! Syslog: messages that nobody answers, over UDP and TCP.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{c, check, check_datagrams, fingerprinter, line, now, s};
use tierzero_core::event::Role;
use tierzero_core::evidence::Conversation;

const SENT: &str = "sends one way [syslog.message-sent]";
const STREAM: &[&str] = &["speaks syslog [stream.protocol-alone]", SENT];
const DATAGRAMS: &[&str] = &["speaks syslog [datagrams.protocol]", SENT];
const ONE_SIDED: &[&str] = &["hidden Unsupported [stream.one-sided]"];
const OLD: &str = "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8";
const NEW: &str = "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 - text";

#[test]
fn datagrams_are_sent_and_not_answered() {
    check_datagrams(&[c(OLD)], DATAGRAMS);
    check_datagrams(&[c(NEW), c(OLD), c(OLD)], DATAGRAMS);
    check_datagrams(&[c("<0>short\n\0")], DATAGRAMS);
    check_datagrams(&[c("<0>short")], DATAGRAMS);
    // Two hosts that log to each other.
    check_datagrams(&[c(OLD), s(NEW)], DATAGRAMS);
    for wrong in
        ["<192>text that is long enough", "<034>text that is long enough", "<>text", "<a>text", "<34"]
    {
        check_datagrams(&[c(wrong)], ONE_SIDED);
    }
    check_datagrams(&[c("<34>\x01\x02\x03\x04 binary")], ONE_SIDED);
    check_datagrams(&[c(OLD), s("pong")], &["hidden Unsupported [stream.unsupported]"]);
}

#[test]
fn streams_are_framed_by_lines_or_counts() {
    check(&[c(format!("{OLD}\n{NEW}\n"))], STREAM);
    check(&[c(format!("{} {NEW}{} {OLD}", NEW.len(), OLD.len()))], STREAM);
    check(&[c("<34>Oct")], ONE_SIDED);
    check(&[c("012 <34>Oct 11 22:14:15 host text")], ONE_SIDED);
    check(&[c("<34>\x01Oct 11 22:14:15 host text")], ONE_SIDED);
    check(&[c(OLD), s("200 OK\n")], &["hidden Unsupported [stream.unsupported]"]);
}

#[test]
fn more_than_is_kept_decides_nothing() {
    let mut conversation = Conversation::new(512, fingerprinter());
    let (mut out, mut offset) = (Vec::new(), 0);
    for _ in 0..100 {
        let message = format!("{OLD}\n");
        let length = message.len() as u64;
        conversation.payload(Role::Originator, offset, length, message.as_bytes(), now(), &mut out);
        offset += length;
    }
    conversation.finish(&mut out);
    assert_eq!(out.iter().map(line).collect::<Vec<_>>(), STREAM);
}
