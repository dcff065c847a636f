//! DNS over UDP and TCP: names for anyone, and the operations that are not for anyone.
//!
//! Sources: RFC 1035 section 4 (messages; two bytes of length over TCP), RFC 1996 (NOTIFY), RFC 2136 (UPDATE), RFC 5936
//! and 1995 (zone transfers), RFC 8945 (TSIG), RFC 3645 (GSS-TSIG), RFC 2931 (SIG(0)), RFC 6762 (multicast).

use std::collections::VecDeque;

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::dns_message::{HEADER, Header, Message, Signature};
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    NAMED = "dns.query-answered", v 1, Observed, Wire,
        "The receiver answered a query for a name, which it answers for anyone it serves",
        "Whether it serves callers elsewhere";
    ASKED = "dns.query-unanswered", v 1, Observed, Wire,
        "The caller asked for a name, which the protocol gives anyone, and no answer was seen",
        "Whether anybody took the query";
    ANNOUNCED = "dns.multicast-message", v 1, Observed, Wire,
        "The caller asked or announced names by multicast DNS, where anyone may do both",
        "Whether anybody listened";
    SIGNED = "dns.shared-key-signature", v 1, Observed, Wire,
        "The message carried a signature under a shared key (TSIG)",
        "Whether the receiver verified it, unless its answer is signed too";
    SESSION = "dns.session-signature", v 1, Observed, Wire,
        "The message carried a signature under a key that a Kerberos exchange made (GSS-TSIG)",
        "The exchange itself may have been on another connection; it may have been NTLM's";
    PRIVATE = "dns.private-key-signature", v 1, Observed, Wire,
        "The message carried a signature by a private key (SIG(0))",
        "Whether the receiver verified it";
    TICKET = "dns.key-exchange", v 1, Observed, Wire,
        "The caller sent a Kerberos or NTLM proof to make a key for signatures (TKEY)",
        "The name in it is encrypted";
    ACCEPTED = "dns.signature-accepted", v 1, Observed, Wire,
        "The receiver's answer says that all went well and is signed too",
        "Whether it would have gone well without a signature";
    TRANSFERRED = "dns.zone-transferred", v 1, Observed, Wire,
        "The receiver began to send a zone (AXFR, IXFR)",
        "By which addresses, if any, it chooses whom it serves";
    CHANGED = "dns.update-served", v 1, Observed, Wire,
        "The receiver changed a zone as asked (UPDATE)",
        "By which addresses, if any, it chooses whom it serves";
    NOTIFIED = "dns.notify-served", v 1, Observed, Wire,
        "The receiver took word of a changed zone (NOTIFY)",
        "What it does then";
    KEYED = "dns.key-made", v 1, Observed, Wire,
        "The receiver completed the exchange that makes a key for signatures",
        "What the key is used for";
    WRONG = "dns.signature-refused", v 1, Observed, Wire,
        "The receiver refused the signature, its key or its time",
        "Which key would have been right";
    REFUSED = "dns.refused", v 1, Observed, Wire,
        "The receiver refused the operation, or failed at it",
        "Whether for the caller's address, a missing signature or another reason";
}

/// How a flow over TCP is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Dns,
    call: |bytes| likeness(bytes, false),
    reply: |bytes| likeness(bytes, true),
    begin: || Box::new(Dns::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// How a flow of datagrams is recognised and read; its rules are those above.
pub(crate) static KNOWN_DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Dns,
    call: |datagram| read_whole(datagram).is_some_and(|message| is_call(&message)),
    reply: |datagram| Message::read(datagram.bytes).is_some_and(|message| message.header.answer),
    unanswered: |datagram| read_whole(datagram).is_some_and(|message| is_call(&message)),
    begin: || Box::new(Dns::default()),
    rules: &[],
};

/// How multicast DNS is recognised and read; its rules are those above.
pub(crate) static KNOWN_MULTICAST: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Mdns,
    call: is_multicast,
    reply: is_multicast,
    unanswered: is_multicast,
    begin: || Box::new(Multicast),
    rules: &[],
};

/// Most queries that wait for their answer.
const UNANSWERED: usize = 64;
/// Longest answer that is looked at beyond its header.
const ANSWER: usize = 4096;

/// Two bytes of length and a header (RFC 1035 section 4.2.2); every byte is judged as it comes.
fn likeness(bytes: &[u8], answer: bool) -> Likeness {
    let plausible = |at: usize, wanted: fn(u8) -> bool| bytes.get(at).is_none_or(|byte| wanted(*byte));
    let length = bytes.first_chunk().map(|length| u16::from_be_bytes(*length));
    let direction = bytes.get(4).is_none_or(|high| (high & 0x80 != 0) == answer);
    // One question, or none in an answer that says no; no more than 255 records of the other kinds in a call.
    let question = plausible(6, |byte| byte == 0)
        && plausible(7, if answer { |byte| byte <= 1 } else { |byte| byte == 1 });
    let few = answer || plausible(12, |byte| byte == 0) && plausible(8, |byte| byte == 0);
    if length.is_some_and(|length| usize::from(length) < HEADER) || !direction || !question || !few {
        return Likeness::Unlike;
    }
    if plausible(4, |high| matches!(high >> 3 & 15, 0 | 4 | 5)) && plausible(5, |low| low & 0x40 == 0) {
        match bytes.get(2..) {
            Some(message) if message.len() >= HEADER => {
                if Header::read(message).is_some() {
                    Likeness::Like
                } else {
                    Likeness::Unlike
                }
            }
            Some(_) | None => Likeness::Unsure,
        }
    } else {
        Likeness::Unlike
    }
}

/// Reads a datagram that holds one message and nothing else, as far as it was kept.
fn read_whole(datagram: &Datagram<'_>) -> Option<Message> {
    let message = Message::read(datagram.bytes)?;
    let cut = (datagram.bytes.len() as u64) < datagram.length;
    (cut && message.asked.is_some() || message.exact).then_some(message)
}

/// A call that is none of NetBIOS's, which has the same header and names of 32 letters from A to P.
fn is_call(message: &Message) -> bool {
    let first = message.name.split(|byte| *byte == b'.').next().unwrap_or_default();
    let netbios = first.len() == 32 && first.iter().all(|byte| matches!(byte, b'A'..=b'P'));
    !message.header.answer && message.asked.is_some() && !netbios
}

/// Message id 0, and names of the link (RFC 6762 sections 3 and 18.1).
fn is_multicast(datagram: &Datagram<'_>) -> bool {
    let Some(message) = Message::read(datagram.bytes) else { return false };
    let local = message.name.len() >= 6
        && message
            .name
            .get(message.name.len().saturating_sub(6)..)
            .is_some_and(|end| end.eq_ignore_ascii_case(b".local"));
    let [questions, answers, _, _] = message.header.counts;
    let announces = questions == 0 && answers > 0 && message.header.answer && message.header.authoritative;
    message.header.id == 0 && message.header.opcode == 0 && (announces || local)
}

/// What a query asks the receiver to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wish {
    Name,
    Transfer,
    Change,
    Notify,
    Key,
}

impl Wish {
    fn of(message: &Message) -> Self {
        match (message.header.opcode, message.asked) {
            (5, _) => Self::Change,
            (4, _) => Self::Notify,
            // RFC 5936 section 2.2 and RFC 1995 section 3.
            (_, Some(251 | 252)) => Self::Transfer,
            (_, Some(249)) => Self::Key,
            (_, _) => Self::Name,
        }
    }

    fn rule(self) -> &'static Rule {
        match self {
            Self::Name => &NAMED,
            Self::Transfer => &TRANSFERRED,
            Self::Change => &CHANGED,
            Self::Notify => &NOTIFIED,
            Self::Key => &KEYED,
        }
    }
}

/// One query without an answer.
#[derive(Debug)]
struct Query {
    id: u16,
    wish: Wish,
    offer: Option<(&'static Rule, Shown)>,
}

/// One flow.
#[derive(Default, Debug)]
struct Dns {
    unanswered: VecDeque<Query>,
    /// The transfer that goes on over several messages.
    transfer: Option<u16>,
}

impl Dns {
    fn query(&mut self, message: &Message) {
        if self.unanswered.len() >= UNANSWERED {
            self.unanswered.pop_front();
        }
        let wish = Wish::of(message);
        let query = Query { id: message.header.id, wish, offer: offer(message) };
        // A repeat asks once.
        self.unanswered.retain(|known| known.id != query.id);
        self.unanswered.push_back(query);
    }

    /// The answer whose header is this; `message` is all of it, where that was there.
    fn answer(&mut self, header: Header, message: Option<&Message>, notes: &mut Notes<'_>) {
        let Some(at) = self.unanswered.iter().position(|query| query.id == header.id) else { return };
        let Some(Query { wish, offer, .. }) = self.unanswered.remove(at) else { return };
        let signature = message.and_then(|message| message.signature.as_ref());
        let error = match signature {
            Some(Signature::Shared { error, .. } | Signature::Session { error, .. }) => Some(*error),
            Some(Signature::Private { .. }) => Some(0),
            None => None,
        };
        let offered = offer.is_some();
        if let Some((rule, shown)) = offer.filter(|_| wish != Wish::Name) {
            notes.say(rule, shown);
        }
        match (wish, header.rcode) {
            // 9 is NOTAUTH; the TSIG record says whether the signature was the reason (RFC 8945 section 5.3).
            (_, 9) if offered && error.is_some_and(|error| error != 0) => {
                notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
            }
            // 5 is REFUSED.
            (Wish::Name, 5) => notes.say(&REFUSED, Shown::Refuses { why: Refusal::NotAllowed }),
            (Wish::Name, _) => notes.say(&NAMED, Shown::Serves { operation: Operation::Public }),
            // The last leg's answer is signed with the new key (RFC 3645 section 4.1.3).
            (Wish::Key, 0) if error != Some(0) => {}
            (_, 0) => {
                if offered && error == Some(0) {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(wish.rule(), Shown::Serves { operation: Operation::Service });
                if wish == Wish::Transfer {
                    self.transfer = Some(header.id);
                }
            }
            (_, _) => notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other }),
        }
    }

    /// Says what was offered and asked for and never answered.
    fn finish(&mut self, notes: &mut Notes<'_>) {
        for Query { wish, offer, .. } in self.unanswered.drain(..) {
            match (wish, offer) {
                (Wish::Name, _) => notes.say(&ASKED, Shown::AsksPublic),
                (_, Some((rule, shown))) => notes.say(rule, shown),
                (_, None) => {}
            }
        }
    }
}

/// Who signed a query, or proves itself to make a key.
fn offer(message: &Message) -> Option<(&'static Rule, Shown)> {
    if message.asked == Some(249) {
        // Mode 3 is GSS-API (RFC 2930 section 2.5); the key that comes of it counts where it signs.
        let (_, ntlm) = message.key_exchange.filter(|(mode, _)| *mode == 3)?;
        let proof = if ntlm { Proof::Secret } else { Proof::Key };
        return Some((&TICKET, offers(proof, CredentialKind::Ticket, b"")));
    }
    Some(match message.signature.as_ref()? {
        Signature::Shared { key, .. } => (&SIGNED, offers(Proof::Secret, CredentialKind::Signature, key)),
        Signature::Session { key, .. } => (&SESSION, offers(Proof::Key, CredentialKind::Signature, key)),
        Signature::Private { signer } => (&PRIVATE, offers(Proof::Key, CredentialKind::Signature, signer)),
    })
}

fn offers(proof: Proof, kind: CredentialKind, name: &[u8]) -> Shown {
    let principal = (!name.is_empty()).then(|| Principal::bounded(PrincipalKind::User, name));
    let credential = Some(Credential::of(kind));
    Shown::Offers { proof, scope: Scope::Request, principal, credential }
}

impl DatagramDissector for Dns {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(message) = Message::read(datagram.bytes) else { return Next::Lost(Hidden::Unsupported) };
        match from {
            Role::Originator if !message.header.answer => self.query(&message),
            Role::Responder if message.header.answer => self.answer(message.header, Some(&message), notes),
            // Servers ask and answer each other from one port.
            Role::Originator | Role::Responder => {}
        }
        Next::More
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        Self::finish(self, notes);
    }
}

impl Dissector for Dns {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let Some(length) = bytes.first_chunk().map(|length| u16::from_be_bytes(*length)) else {
            return Next::More;
        };
        let end = usize::from(length).saturating_add(2);
        match from {
            Role::Originator => {
                let Some(message) = bytes.get(2..end) else { return Next::More };
                let Some(message) = Message::read(message).filter(|message| !message.header.answer) else {
                    return Next::Lost(Hidden::Unsupported);
                };
                self.query(&message);
            }
            Role::Responder => {
                let rest = bytes.get(2..).unwrap_or_default();
                if rest.len() < HEADER || self.unanswered.is_empty() && self.transfer.is_none() {
                    return Next::More;
                }
                let Some(header) = Header::read(rest).filter(|header| header.answer) else {
                    return Next::Lost(Hidden::Unsupported);
                };
                // What later messages of a transfer say decides nothing, and neither does most of a long answer.
                let waits = self.unanswered.iter().any(|query| query.id == header.id);
                if !waits && self.transfer != Some(header.id) && self.unanswered.is_empty() {
                    return Next::More;
                }
                let short = waits && end <= ANSWER;
                if short && bytes.len() < end {
                    return Next::More;
                }
                let message = bytes.get(2..end).filter(|_| short).and_then(Message::read);
                self.answer(header, message.as_ref(), notes);
            }
        }
        input.read(end);
        Next::More
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        Self::finish(self, notes);
    }
}

/// One flow of multicast DNS; every message stands for itself.
#[derive(Debug)]
struct Multicast;

impl DatagramDissector for Multicast {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let answered = from == Role::Responder && is_multicast(datagram);
        let shown = if answered { Shown::Serves { operation: Operation::Public } } else { Shown::AsksPublic };
        notes.say(&ANNOUNCED, shown);
        Next::More
    }
}
