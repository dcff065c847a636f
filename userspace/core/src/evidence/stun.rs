//! STUN and TURN: addresses told to anyone, and relays that are not for anyone.
//!
//! Sources: RFC 8489 sections 5 (header), 9 (credentials), 14 (attributes); RFC 8656 section 3 (TURN).

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::dtls::Dtls;
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Scope,
    Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    DTLS = "stun.dtls", v 1, Observed, Wire,
        "Between STUN messages the two sides set up DTLS",
        "Who is behind either address";
    TOLD = "stun.address-told", v 1, Observed, Wire,
        "The receiver told the caller its address (Binding), which it tells anyone",
        "A name and a check that go with it belong to a call that was agreed on elsewhere";
    ASKED = "stun.address-asked", v 1, Observed, Wire,
        "The caller asked for its address, which the protocol tells anyone, and no answer was seen",
        "Whether anybody took the question";
    DEMANDED = "stun.proof-demanded", v 1, Observed, Wire,
        "The receiver answered 401 or 438: it wants a user and a check under its password",
        "Not whether it wants them for every request";
    SIGNED = "stun.check-sent", v 1, Observed, Wire,
        "The request carried a user name and a check under a shared password (MESSAGE-INTEGRITY)",
        "The password itself is not visible";
    SERVED = "stun.relay-served", v 1, Observed, Wire,
        "The receiver set up or changed a relay as asked (TURN)",
        "Where the relay leads";
    WRONG = "stun.proof-refused", v 1, Observed, Wire,
        "The receiver refused a request that carried a check (401)",
        "Not whether user or password was wrong";
    FAILED = "stun.request-refused", v 1, Observed, Wire,
        "The receiver refused the request for another reason than proof",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Stun,
    call: |datagram| Message::read(datagram).is_some_and(|it| it.class == 0),
    reply: |datagram| Message::read(datagram).is_some_and(|it| it.class != 1),
    unanswered: |datagram| Message::read(datagram).is_some_and(|it| it.class == 0 && it.method == BINDING),
    begin: || Box::new(Stun::default()),
    rules: RULES,
};

const BINDING: u16 = 1;
/// Most requests that wait for their answer.
const UNANSWERED: usize = 32;

/// One message in the few words that decide.
struct Message {
    /// 0 request, 1 indication, 2 success, 3 error.
    class: u8,
    method: u16,
    transaction: [u8; 12],
    user: Option<Vec<u8>>,
    checked: bool,
    error: u16,
}

impl Message {
    fn read(datagram: &Datagram<'_>) -> Option<Self> {
        let mut cursor = Cursor(datagram.bytes);
        let kind = u16::from_be_bytes(cursor.array()?);
        let length = u16::from_be_bytes(cursor.array()?);
        let cookie: [u8; 4] = cursor.array()?;
        let transaction = cursor.array()?;
        let fits = u64::from(length).checked_add(20)? == datagram.length && length.is_multiple_of(4);
        if kind >= 0x4000 || cookie != [0x21, 0x12, 0xa4, 0x42] || !fits {
            return None;
        }
        // Bits 4 and 8 are the class (RFC 8489 figure 3).
        let class = u8::from(kind & 0x10 != 0) | u8::from(kind & 0x100 != 0) << 1;
        let method = kind & 0xf | kind >> 1 & 0x70 | kind >> 2 & 0xf80;
        let mut message = Self { class, method, transaction, user: None, checked: false, error: 0 };
        while let (Some(kind), Some(length)) = (cursor.array(), cursor.array()) {
            let length = usize::from(u16::from_be_bytes(length));
            let Some(value) = cursor.take(length) else { break };
            cursor.take(length.next_multiple_of(4).saturating_sub(length));
            match (u16::from_be_bytes(kind), value) {
                (6, user) => message.user = Some(user.to_vec()),
                (8 | 0x1c, _) => message.checked = true,
                (9, [_, _, class, number, ..]) => {
                    message.error =
                        u16::from(class & 7).saturating_mul(100).saturating_add(u16::from(*number));
                }
                _ => {}
            }
        }
        Some(message)
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Stun {
    unanswered: Vec<([u8; 12], u16, Option<Shown>)>,
    dtls: Option<Dtls>,
}

impl Stun {
    fn answer(&mut self, message: &Message, notes: &mut Notes<'_>) {
        let at = self.unanswered.iter().position(|(known, ..)| *known == message.transaction);
        let Some((_, method, offer)) = at.map(|at| self.unanswered.swap_remove(at)) else { return };
        if method == BINDING {
            if message.class == 2 {
                notes.say(&TOLD, Shown::Serves { operation: Operation::Public });
            }
            return;
        }
        let offered = offer.is_some();
        if let Some(shown) = offer {
            notes.say(&SIGNED, shown);
        }
        match (message.class, message.error) {
            (2, _) => notes.say(&SERVED, Shown::Serves { operation: Operation::Service }),
            (_, 401) if offered => notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong }),
            (_, 401) => {
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                notes.say(&DEMANDED, Shown::Refuses { why: Refusal::ProofMissing });
            }
            // The challenge is too old.
            (_, 438) => notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret }),
            (_, 403) => notes.say(&FAILED, Shown::Refuses { why: Refusal::NotAllowed }),
            (_, _) => notes.say(&FAILED, Shown::Refuses { why: Refusal::Other }),
        }
    }
}

impl DatagramDissector for Stun {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(message) = Message::read(datagram) else {
            // DTLS, media and data go over the same ports; the first byte tells them apart (RFC 7983 section 7).
            if self.dtls.is_none() && !matches!(datagram.bytes.first(), Some(20..=63)) {
                return Next::Lost(Hidden::Unsupported);
            }
            let dtls = self.dtls.get_or_insert_with(|| {
                notes.say(&DTLS, Shown::Speaks { protocol: Protocol::Dtls });
                Dtls::default()
            });
            return dtls.read(from, datagram, notes);
        };
        match (from, message.class) {
            (Role::Originator, 0) => {
                let offer = message.user.as_ref().filter(|_| message.checked).map(|user| {
                    Shown::secret(
                        Scope::Request,
                        Some(Principal::bounded(PrincipalKind::User, user)),
                        Credential::of(CredentialKind::Password),
                    )
                });
                self.unanswered.retain(|(known, ..)| *known != message.transaction);
                if self.unanswered.len() < UNANSWERED {
                    self.unanswered.push((message.transaction, message.method, offer));
                }
            }
            (Role::Responder, 2 | 3) => self.answer(&message, notes),
            (Role::Originator | Role::Responder, _) => {}
        }
        Next::More
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        if let Some(dtls) = &mut self.dtls {
            dtls.finish(whole, notes);
        }
        for (_, method, offer) in self.unanswered.drain(..) {
            match offer {
                _ if method == BINDING => notes.say(&ASKED, Shown::AsksPublic),
                Some(shown) => notes.say(&SIGNED, shown),
                None => {}
            }
        }
    }
}
