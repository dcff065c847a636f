//! Whois: registries that answer anyone.
//!
//! Source: RFC 3912 (section 2: one line, then the answer; section 5: only for what is meant for everyone).

use super::dissector::{Known, Likeness, nothing_alone, rules};
use super::finger::{OneLine, one_line};
use super::text_line::any;
use super::{Operation, Protocol};

rules! {
    pub(crate) table;
    TOLD = "whois.told", v 1, Observed, Wire,
        "The receiver answered a question to its registry, which is meant for everyone",
        "Whether the caller's address was looked at";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Whois,
    call: one_line,
    reply: |bytes| any(&ANSWERS.map(|start| Likeness::starts_with(bytes, start))),
    begin: || Box::new(OneLine { rule: &TOLD, operation: Operation::Public, asked: false }),
    call_alone: nothing_alone,
    rules: RULES,
};

/// First words of registries' answers: remarks of RPSL (RFC 2622 section 2) and of ARIN, and the names of the first field.
const ANSWERS: [&[u8]; 16] = [
    b"% ",
    b"%%",
    b"%\n",
    b"%\r\n",
    b"\n% ",
    b"\n#\n",
    b"#\n",
    b"   Domain Name: ",
    b"Domain Name: ",
    b"Domain: ",
    b"domain: ",
    b"domain name: ",
    b"\nDomain Name:",
    b"Whois Server Version",
    b"\nWhois Server Version",
    b"No match for ",
];
