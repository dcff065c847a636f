//! HTTP/0.9: one line, answered by a page (RFC 1945 sections 4.1 and 5.1). It has no fields, and so no place for proof.

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::http_request::is_public;
use super::http_rules::{SERVED_PUBLIC, SIMPLE};
use super::{Operation, Protocol, Shown};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Http,
    call: call_likeness,
    reply: |bytes| Likeness::starts_with(bytes, b"<"),
    begin: || Box::new(Simple::default()),
    call_alone: nothing_alone,
    rules: &[],
};

/// Longest request line.
const LINE: usize = 1024;

fn call_likeness(bytes: &[u8]) -> Likeness {
    let start = Likeness::starts_with(bytes, b"GET /");
    if start != Likeness::Like {
        return start;
    }
    match bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(end) if end <= LINE => {
            let target = bytes.get(4..end).unwrap_or_default();
            if target.contains(&b' ') { Likeness::Unlike } else { Likeness::Like }
        }
        None if bytes.len() <= LINE => Likeness::Unsure,
        Some(_) | None => Likeness::Unlike,
    }
}

/// One request and its page.
#[derive(Default, Debug)]
struct Simple {
    asked: Option<Operation>,
}

impl Dissector for Simple {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match (from, self.asked) {
            (Role::Originator, None) => {
                let Some(end) = input.bytes().iter().position(|byte| *byte == b'\n') else {
                    return Next::More;
                };
                let line = input.bytes().get(4..end).unwrap_or_default().trim_ascii_end();
                let public = is_public("GET", &String::from_utf8_lossy(line));
                self.asked = Some(if public { Operation::Public } else { Operation::Service });
                input.read(end.saturating_add(1));
                Next::More
            }
            (Role::Responder, Some(operation)) if !input.bytes().is_empty() => {
                let rule = if operation == Operation::Public { &SERVED_PUBLIC } else { &SIMPLE };
                notes.say(rule, Shown::Serves { operation });
                Next::Settled
            }
            (Role::Originator, Some(_)) | (Role::Responder, _) => Next::More,
        }
    }
}
