//! SNMP: communities in clear, USM users with and without proof, and what agents answered.
//!
//! Sources: RFC 1157 section 4 (version 1), RFC 1901 section 3 (2c), RFC 3416 section 3 (operations and error status),
//! RFC 3412 section 6 (version 3 messages) and 7.1 (reports), RFC 3414 sections 2.4, 3.2 and 4 (USM, its reports,
//! discovery).

use super::ber::{self, Found, Started};
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    COMMUNITY = "snmp.community-sent", v 1, Observed, Wire,
        "The caller sent a community, the shared password of SNMP 1 and 2c, in clear",
        "Many callers share one community: it names nobody";
    DEFAULT = "snmp.default-community-sent", v 1, Observed, Wire,
        "The caller sent a community that equipment is shipped with (`public`, `private`), in clear",
        "It is checked like any other, and anyone can guess it";
    DIGEST = "snmp.usm-digest-sent", v 1, Observed, Wire,
        "The caller sent a digest over the message under its USM user's key (authNoPriv or authPriv)",
        "The key itself is not visible";
    USER = "snmp.usm-user-claimed", v 1, Observed, Wire,
        "The caller named a USM user and sent no proof (noAuthNoPriv)",
        "Not what the receiver lets such a user see";
    MODEL = "snmp.other-security-model", v 1, Observed, Wire,
        "The message names a security model other than USM",
        "What was presented under it is not known";
    ACCEPTED = "snmp.proof-accepted", v 1, Observed, Wire,
        "The receiver answered; an agent drops what carries a wrong community, and reports a wrong digest",
        "Whether the receiver would take any community";
    SERVED = "snmp.request-answered", v 1, Observed, Wire,
        "The receiver answered the request",
        "Not whether the objects that were asked for exist; a sealed answer's content is not visible";
    DISCOVERED = "snmp.engine-discovered", v 1, Observed, Wire,
        "The receiver told its engine id, which it tells anyone (RFC 3414 section 4)",
        "Nothing that it manages was read by it";
    WRONG = "snmp.proof-refused", v 1, Observed, Wire,
        "The receiver reported that the user is unknown, or that digest or encryption is wrong",
        "Not which of user and key was wrong, beyond what the report names";
    NOT_ALLOWED = "snmp.not-allowed", v 1, Observed, Wire,
        "The receiver does not let this caller read or write what it asked for",
        "Not whether another name would be allowed";
    FAILED = "snmp.request-failed", v 1, Observed, Wire,
        "The receiver answered with an error that is not about who called",
        "Nothing is said about what it checks";
    NOTIFIED = "snmp.notification-sent", v 1, Observed, Wire,
        "The caller sent a trap, which is never answered",
        "Whether anybody took it";
}

const fn known(
    protocol: Protocol,
    call: fn(&Datagram<'_>) -> bool,
    reply: fn(&Datagram<'_>) -> bool,
    unanswered: fn(&Datagram<'_>) -> bool,
    rules: &'static [&'static Rule],
) -> KnownDatagrams {
    KnownDatagrams { protocol, call, reply, unanswered, begin: || Box::new(Snmp::default()), rules }
}

/// Version 1; the rules of all versions stand here.
pub(crate) static V1: KnownDatagrams = known(
    Protocol::Snmpv1,
    |it| of(it, 0).is_some_and(|message| message.is_call()),
    |it| of(it, 0).is_some_and(|message| message.is_reply()),
    |it| of(it, 0).is_some_and(|message| message.is_notice()),
    RULES,
);
/// Version 2c.
pub(crate) static V2C: KnownDatagrams = known(
    Protocol::Snmpv2c,
    |it| of(it, 1).is_some_and(|message| message.is_call()),
    |it| of(it, 1).is_some_and(|message| message.is_reply()),
    |it| of(it, 1).is_some_and(|message| message.is_notice()),
    &[],
);
/// Version 3.
pub(crate) static V3: KnownDatagrams = known(
    Protocol::Snmpv3,
    |it| of(it, 3).is_some_and(|message| message.is_call()),
    |it| of(it, 3).is_some_and(|message| message.is_reply()),
    |it| of(it, 3).is_some_and(|message| message.is_notice()),
    &[],
);

/// Most requests that wait for their answer.
const UNANSWERED: usize = 64;
/// Answers after which a flow that shows nothing new is let go.
const WATCHED: u32 = 256;
/// `usmStats` (RFC 3414 section 5): 1.3.6.1.6.3.15.1.1, as it is encoded.
const USM_STATS: &[u8] = &[0x2b, 6, 1, 6, 3, 15, 1, 1];

fn of<'a>(datagram: &Datagram<'a>, version: i64) -> Option<Message<'a>> {
    Message::read(datagram).filter(|message| message.version == version)
}

/// What goes with a message.
#[derive(Clone, Copy)]
enum By<'a> {
    Community(&'a [u8]),
    User {
        name: &'a [u8],
        proved: bool,
    },
    /// A security model that is not read.
    Other,
}

/// One message in the few words that decide.
struct Message<'a> {
    /// As it is encoded: 0, 1 or 3.
    version: i64,
    /// The id that an answer repeats: msgID in version 3, request-id before.
    id: i64,
    by: By<'a>,
    /// The operation's tag; `None` where it is sealed.
    operation: Option<u8>,
    /// The caller expects an answer or a report.
    reportable: bool,
    /// error-status of an answer.
    status: i64,
    /// Name of the first variable, as it is encoded.
    variable: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(datagram: &Datagram<'a>) -> Option<Self> {
        let Found::Head(outer) = ber::head(datagram.bytes) else { return None };
        if outer.tag != 0x30 || (outer.head.saturating_add(outer.length)) as u64 > datagram.length {
            return None;
        }
        let mut fields = Started(datagram.bytes.get(outer.head..)?);
        let version = integer(fields.next()?)?;
        match version {
            0 | 1 => {
                let (0x04, community) = fields.next()? else { return None };
                let mut message = Self {
                    version,
                    id: 0,
                    by: By::Community(community),
                    operation: None,
                    reportable: true,
                    status: 0,
                    variable: &[],
                };
                message.operation(fields.next()?).then_some(message)
            }
            3 => Self::version_3(fields),
            _ => None,
        }
    }

    /// Header, security parameters, scoped PDU (RFC 3412 section 6, RFC 3414 section 2.4).
    fn version_3(mut fields: Started<'a>) -> Option<Self> {
        let (0x30, header) = fields.next()? else { return None };
        let mut header = Started(header);
        let (id, _size) = (integer(header.next()?)?, integer(header.next()?)?);
        let (0x04, &[flags]) = header.next()? else { return None };
        let model = integer(header.next()?)?;
        let (0x04, parameters) = fields.next()? else { return None };
        let by = if model == 3 {
            let (0x30, parameters) = Started(parameters).next()? else { return None };
            let mut parameters = Started(parameters).skip(3);
            let (0x04, name) = parameters.next()? else { return None };
            By::User { name, proved: flags & 1 != 0 }
        } else {
            By::Other
        };
        let mut message = Self {
            version: 3,
            id,
            by,
            operation: None,
            reportable: flags & 4 != 0,
            status: 0,
            variable: &[],
        };
        match fields.next()? {
            (0x04, _) if flags & 2 != 0 => Some(message),
            (0x30, scoped) if flags & 2 == 0 => {
                let operation = Started(scoped).nth(2)?;
                message.operation(operation).then_some(message)
            }
            _ => None,
        }
    }

    /// Takes an operation; false for what is none.
    fn operation(&mut self, (tag, content): (u8, &'a [u8])) -> bool {
        self.operation = Some(tag);
        let mut fields = Started(content);
        match tag {
            // Version 1's trap: enterprise, agent address, ...
            0xa4 => return self.version == 0 && matches!(fields.next(), Some((0x06, _))),
            0xa0..=0xa3 => {}
            0xa5..=0xa8 if self.version != 0 => {}
            _ => return false,
        }
        let [Some(id), Some(status), Some(_)] = [0; 3].map(|_| fields.next().and_then(integer)) else {
            return false;
        };
        if self.version != 3 {
            self.id = id;
        }
        self.status = status;
        let first = fields.next().and_then(|(_, list)| Started(list).next());
        let name = first.and_then(|(_, pair)| Started(pair).next());
        self.variable = name.filter(|(tag, _)| *tag == 0x06).map_or(&[], |(_, name)| name);
        true
    }

    fn is_call(&self) -> bool {
        matches!(self.operation, None | Some(0xa0 | 0xa1 | 0xa3..=0xa7))
    }

    fn is_reply(&self) -> bool {
        matches!(self.operation, None | Some(0xa2 | 0xa8))
    }

    /// A trap. Of a sealed message only the caller's own word says so: it expects no report.
    fn is_notice(&self) -> bool {
        matches!(self.operation, Some(0xa4 | 0xa7)) || (self.operation.is_none() && !self.reportable)
    }

    fn offer(&self, notes: &Notes<'_>) -> Option<(&'static Rule, Shown)> {
        let secret = |principal, fingerprint: Option<_>| {
            Shown::secret(
                Scope::Request,
                principal,
                Credential {
                    cleartext: fingerprint.is_some(),
                    fingerprint,
                    ..Credential::of(CredentialKind::Password)
                },
            )
        };
        match self.by {
            By::Community([]) => None,
            By::Community(community) => {
                let shipped = matches!(community, b"public" | b"private");
                let rule = if shipped { &DEFAULT } else { &COMMUNITY };
                Some((rule, secret(None, Some(notes.fingerprint("community", community)))))
            }
            By::User { name: [], proved: false } | By::Other => None,
            By::User { name, proved } => {
                let user = Some(Principal::bounded(PrincipalKind::User, name));
                Some(if proved {
                    (&DIGEST, secret(user, None))
                } else {
                    let claim = Shown::Offers {
                        proof: Proof::Claim,
                        scope: Scope::Request,
                        principal: user,
                        credential: None,
                    };
                    (&USER, claim)
                })
            }
        }
    }
}

fn integer((tag, content): (u8, &[u8])) -> Option<i64> {
    if tag == 0x02 { ber::integer(content) } else { None }
}

/// What a request presented, under the rule that says so.
type Presented = Option<(&'static Rule, Shown)>;

/// One flow; every request stands for itself.
#[derive(Default, Debug)]
struct Snmp {
    unanswered: Vec<(i64, Presented)>,
    /// What was presented with the last request that was served: only a change is said again.
    served: Option<Presented>,
    discovered: bool,
    answers: u32,
}

impl Snmp {
    fn request(&mut self, message: &Message<'_>, notes: &mut Notes<'_>) -> Next {
        if matches!(message.by, By::Other) {
            notes.say(&MODEL, Shown::Hidden { why: Hidden::Unsupported });
            return Next::Settled;
        }
        let offer = message.offer(notes);
        if message.is_notice() {
            if self.served.as_ref() != Some(&offer) {
                say(offer.as_ref(), notes);
                notes.say(&NOTIFIED, Shown::SendsOneWay);
                self.served = Some(offer);
            }
            return self.answered();
        }
        if message.is_call() && !self.unanswered.contains(&(message.id, offer.clone())) {
            if self.unanswered.len() >= UNANSWERED {
                self.unanswered.remove(0);
            }
            self.unanswered.push((message.id, offer));
        }
        Next::More
    }

    fn reply(&mut self, message: &Message<'_>, notes: &mut Notes<'_>) -> Next {
        let at = self.unanswered.iter().position(|(id, _)| *id == message.id);
        let Some(at) = at.filter(|_| message.is_reply()) else { return Next::More };
        let (_, offer) = self.unanswered.remove(at);
        if message.operation == Some(0xa8) {
            self.report(offer.as_ref(), message.variable, notes);
            return Next::More;
        }
        let proved = matches!(&offer, Some((_, Shown::Offers { proof: Proof::Secret, .. })));
        match message.status {
            // noError; tooBig and noSuchName answer the question too.
            0..=2 if self.served.as_ref() == Some(&offer) => {}
            0..=2 => {
                say(offer.as_ref(), notes);
                if proved {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                self.served = Some(offer);
            }
            // readOnly, noAccess, authorizationError, notWritable.
            4 | 6 | 16 | 17 => {
                say(offer.as_ref(), notes);
                notes.say(&NOT_ALLOWED, Shown::Refuses { why: Refusal::NotAllowed });
            }
            _ => {
                say(offer.as_ref(), notes);
                notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
            }
        }
        self.answered()
    }

    /// A report: the engine's counter that grew says why (RFC 3414 section 3.2).
    fn report(&mut self, offer: Option<&(&'static Rule, Shown)>, counter: &[u8], notes: &mut Notes<'_>) {
        let proved = matches!(offer, Some((_, Shown::Offers { proof: Proof::Secret, .. })));
        let counter = counter.strip_prefix(USM_STATS).and_then(|rest| rest.first().copied());
        match counter {
            // usmStatsUnknownEngineIDs: the caller asks with none to learn it.
            Some(4) => {
                if !std::mem::replace(&mut self.discovered, true) {
                    notes.say(&DISCOVERED, Shown::Serves { operation: Operation::Public });
                }
            }
            // Unknown user, wrong digest, decryption error.
            Some(3 | 5 | 6) if proved => {
                say(offer, notes);
                notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
            }
            _ => {
                say(offer, notes);
                notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
            }
        }
    }

    fn answered(&mut self) -> Next {
        self.answers = self.answers.saturating_add(1);
        if self.answers >= WATCHED { Next::Settled } else { Next::More }
    }
}

fn say(offer: Option<&(&'static Rule, Shown)>, notes: &mut Notes<'_>) {
    if let Some((rule, shown)) = offer {
        notes.say(rule, shown.clone());
    }
}

impl DatagramDissector for Snmp {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        match (from, Message::read(datagram)) {
            (Role::Originator, Some(message)) => self.request(&message, notes),
            (Role::Responder, Some(message)) => self.reply(&message, notes),
            (Role::Originator | Role::Responder, None) => Next::Lost(Hidden::Unsupported),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        let mut said: Option<Presented> = self.served.take();
        for (_, offer) in self.unanswered.drain(..) {
            if said.as_ref() != Some(&offer) {
                say(offer.as_ref(), notes);
                said = Some(offer);
            }
        }
    }
}
