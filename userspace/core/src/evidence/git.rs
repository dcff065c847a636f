//! Git's own protocol, as its daemon speaks it: it has no login, and serves what is exported to anyone who connects.
//!
//! Sources: git-scm.com "gitprotocol-pack" (pkt-line, git-proto-request, reference discovery) and "gitprotocol-v2".

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::text_line;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    READ = "git.repository-served", v 1, Observed, Wire,
        "The receiver listed a repository's references or its capabilities to a caller who showed no proof",
        "Whether the repository is meant for anyone";
    WRITTEN = "git.push-served", v 1, Observed, Wire,
        "The receiver opened a repository for writing to a caller who showed no proof",
        "Whether the push was taken";
    REFUSED = "git.repository-refused", v 1, Observed, Wire,
        "The receiver refused the repository (ERR)",
        "Whether it exists; what the receiver checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Git,
    call: |bytes| {
        let (length, request) = bytes.split_at_checked(4).unwrap_or((bytes, &[]));
        let services = [&b"git-upload-pack /"[..], b"git-receive-pack /", b"git-upload-archive /"];
        let starts = services.map(|service| Likeness::starts_with(request, service));
        hex(length).and(text_line::any(&starts))
    },
    reply: |bytes| hex(bytes.get(..bytes.len().min(4)).unwrap_or_default()),
    begin: || Box::new(Git::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// A length in four hexadecimal digits.
fn hex(digits: &[u8]) -> Likeness {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        Likeness::Unlike
    } else if digits.len() < 4 {
        Likeness::Unsure
    } else {
        Likeness::Like
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Git {
    /// True for a push.
    asked: Option<bool>,
}

impl Dissector for Git {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some((digits, rest)) = input.bytes().split_first_chunk::<4>() else { return Next::More };
        // One request is all that decides; its answer is not read before it.
        if (from == Role::Originator) == self.asked.is_some() {
            return Next::More;
        }
        let length =
            std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let Some(length) = length else { return Next::Lost(Hidden::Unsupported) };
        let start = rest.get(..length.saturating_sub(4).min(5));
        let Some(start) = start else { return Next::More };
        match from {
            Role::Originator => {
                self.asked = Some(rest.starts_with(b"git-r"));
                input.skip(length as u64);
                Next::More
            }
            Role::Responder => {
                match (start, self.asked) {
                    ([b'E', b'R', b'R', b' ', ..], _) => {
                        notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
                    }
                    (_, Some(true)) => notes.say(&WRITTEN, Shown::Serves { operation: Operation::Service }),
                    _ => notes.say(&READ, Shown::Serves { operation: Operation::Service }),
                }
                Next::Settled
            }
        }
    }
}
