//! Syslog over UDP and TCP: messages that nobody answers.
//!
//! Sources: RFC 5424 section 6 (priority and header), RFC 3164 (the older form), RFC 6587 (over TCP: octet counting, or
//! a line a message).

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, rules};
use super::stream_rules::SPEAKS_ALONE;
use super::{Protocol, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SENT = "syslog.message-sent", v 1, Observed, Wire,
        "The caller sent log messages, in a protocol without answers and without proof of who sends",
        "Whether the receiver took them";
}

/// How a flow over TCP is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Syslog,
    call: likeness,
    // Whoever answers speaks something else.
    reply: |_| Likeness::Unlike,
    begin: || Box::new(Silent),
    call_alone: sent_alone,
    rules: RULES,
};

/// How a flow of datagrams is recognised and read; its rule is the one above.
pub(crate) static KNOWN_DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Syslog,
    call: is_message,
    // Two hosts that log to each other from and to the same port.
    reply: is_message,
    unanswered: is_message,
    begin: || Box::new(Syslog { said: false }),
    rules: &[],
};

/// How much of a message's text is looked at.
const TEXT: usize = 16;

/// `<0>` to `<191>` without leading zeros (RFC 5424 section 6.2.1), and readable text.
fn begins_message(bytes: &[u8]) -> Likeness {
    let digits = match bytes {
        [] | [b'<'] => return Likeness::Unsure,
        [b'<', rest @ ..] => rest,
        [_, ..] => return Likeness::Unlike,
    };
    let mut priority = 0_u16;
    for (index, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' if index == 0 || index < 3 && priority > 0 => {
                priority = priority.saturating_mul(10).saturating_add(u16::from(*byte - b'0'));
                if priority > 191 {
                    return Likeness::Unlike;
                }
            }
            b'>' if index > 0 => return readable(digits.get(index.saturating_add(1)..).unwrap_or_default()),
            _ => return Likeness::Unlike,
        }
    }
    Likeness::Unsure
}

/// Text of at least a few letters, in whatever encoding.
fn readable(text: &[u8]) -> Likeness {
    let start = text.get(..text.len().min(TEXT)).unwrap_or_default();
    if start.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        Likeness::Unlike
    } else if start.len() < TEXT {
        Likeness::Unsure
    } else {
        Likeness::Like
    }
}

/// A message, or the count of its octets, a space and the message (RFC 6587 section 3.4.1).
fn likeness(bytes: &[u8]) -> Likeness {
    let digits = bytes.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
    match (digits, bytes.get(digits)) {
        (0, Some(_)) => begins_message(bytes),
        (6.., _) => Likeness::Unlike,
        (_, None) if bytes.first() != Some(&b'0') => Likeness::Unsure,
        (_, Some(b' ')) if bytes.first() != Some(&b'0') => {
            begins_message(bytes.get(digits.saturating_add(1)..).unwrap_or_default())
        }
        (_, _) => Likeness::Unlike,
    }
}

/// A datagram is one message, which may be shorter than what is looked at.
fn is_message(datagram: &Datagram<'_>) -> bool {
    match begins_message(datagram.bytes) {
        Likeness::Like => true,
        Likeness::Unsure => datagram.bytes.len() > 4 && datagram.bytes.contains(&b'>'),
        // Some senders end every message, however short, with a line end or a zero.
        Likeness::Unlike => {
            let text = datagram.bytes.strip_suffix(b"\0").unwrap_or(datagram.bytes).trim_ascii_end();
            text.len() > 4 && text.contains(&b'>') && begins_message(text) == Likeness::Unsure
        }
    }
}

fn sent_alone(call: &[u8], notes: &mut Notes<'_>) {
    if likeness(call) == Likeness::Like {
        notes.say(&SPEAKS_ALONE, Shown::Speaks { protocol: Protocol::Syslog });
        notes.say(&SENT, Shown::SendsOneWay);
    }
}

/// One flow over TCP, of which nothing is read until it is over: any answer would show that it is none.
#[derive(Debug)]
struct Silent;

impl Dissector for Silent {
    fn read(&mut self, _from: Role, _input: &mut Input<'_>, _notes: &mut Notes<'_>) -> Next {
        Next::More
    }
}

/// One flow of datagrams.
#[derive(Debug)]
struct Syslog {
    said: bool,
}

impl DatagramDissector for Syslog {
    fn read(&mut self, from: Role, _datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Originator && !self.said {
            self.said = true;
            notes.say(&SENT, Shown::SendsOneWay);
        }
        Next::More
    }
}
