//! LDAP over UDP: the search for a domain controller, and whatever else is asked without a bind.
//!
//! Sources: RFC 1798 (connection-less LDAP), MS-ADTS 6.3.3 (the ping by `netlogon`), RFC 4512 section 5.1 (root entry).

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Likeness, Next, Notes, rules};
use super::ldap::{self, Message, Read};
use super::told::Told;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Shown, ber};
use crate::event::Role;

rules! {
    pub(crate) table;
    PUBLIC = "cldap.root-entry-served", v 1, Observed, Wire,
        "The receiver described itself or its domain (a search of the root entry, the ping of a domain controller)",
        "Nothing of the directory was read by it";
    SERVED = "cldap.search-served", v 1, Observed, Wire,
        "The receiver answered a search of the directory, which nobody can bind for over UDP",
        "Not whether the search found anything";
    DEMANDED = "cldap.bind-demanded", v 1, Observed, Wire,
        "The receiver refused a search because nobody had bound",
        "Nobody can bind over UDP: the caller must come over TCP";
    FAILED = "cldap.search-failed", v 1, Observed, Wire,
        "The receiver refused a search for another reason",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Cldap,
    call: |datagram| like(datagram, &[SEARCH]),
    reply: |datagram| like(datagram, &[ENTRY, DONE]),
    unanswered: |_| false,
    begin: || Box::new(Cldap::default()),
    rules: RULES,
};

const SEARCH: u8 = 0x63;
const ENTRY: u8 = 0x64;
const DONE: u8 = 0x65;
/// Most searches that wait for their answer.
const UNANSWERED: usize = 16;

fn like(datagram: &Datagram<'_>, operations: &[u8]) -> bool {
    ldap::likeness(datagram.bytes, operations) == Likeness::Like
        && matches!(ldap::message(datagram.bytes, |_| false), Read::Got(it) if it.total <= datagram.length)
}

/// One flow; each search stands for itself.
#[derive(Default, Debug)]
struct Cldap {
    /// Ids of searches, and whether they ask for the root entry.
    unanswered: Vec<(u32, bool)>,
    told: Told,
}

impl Cldap {
    fn search(&mut self, message: &Message<'_>) {
        let asked = (message.id, ldap::is_root_entry(message.content));
        if message.operation == SEARCH && !self.unanswered.contains(&asked) {
            if self.unanswered.len() >= UNANSWERED {
                self.unanswered.remove(0);
            }
            self.unanswered.push(asked);
        }
    }

    fn answer(&mut self, message: &Message<'_>, notes: &mut Notes<'_>) {
        let at = self.unanswered.iter().position(|(id, _)| *id == message.id);
        let Some(&(_, root)) = at.and_then(|at| self.unanswered.get(at)) else { return };
        let code = match (message.operation, ber::Started(message.content).next()) {
            (ENTRY, _) => Some(0),
            (DONE, Some((0x0a, code))) => ber::number(code),
            _ => None,
        };
        if let (DONE, Some(at)) = (message.operation, at) {
            self.unanswered.remove(at);
        }
        match code {
            Some(0) if root => self.told.once(&PUBLIC, Shown::Serves { operation: Operation::Public }, notes),
            Some(0) => self.told.once(&SERVED, Shown::Serves { operation: Operation::Service }, notes),
            Some(1 | 8) if !self.told.has(&DEMANDED) => {
                self.told.once(&DEMANDED, Shown::Demands { proof: Proof::Secret }, notes);
                notes.say(&DEMANDED, Shown::Refuses { why: Refusal::ProofMissing });
            }
            Some(1 | 8) | None => {}
            Some(_) => self.told.once(&FAILED, Shown::Refuses { why: Refusal::Other }, notes),
        }
    }
}

impl DatagramDissector for Cldap {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let mut rest = datagram.bytes;
        // An answer's entry and result come in one datagram.
        while !rest.is_empty() {
            let Read::Got(message) = ldap::message(rest, |_| false) else { break };
            match from {
                Role::Originator => self.search(&message),
                Role::Responder => self.answer(&message, notes),
            }
            let end = usize::try_from(message.total).unwrap_or(usize::MAX);
            rest = rest.get(end..).unwrap_or_default();
        }
        if rest.len() == datagram.bytes.len() && !rest.is_empty() {
            return Next::Lost(Hidden::Unsupported);
        }
        Next::More
    }
}
