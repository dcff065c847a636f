//! Requests and answers of the protocols that took HTTP's authentication over, joined by their sequence numbers.
//!
//! Sources: RFC 3261 sections 17 and 22 (SIP), RFC 2326 sections 10 to 12 and RFC 7826 (RTSP), RFC 7616 (Digest).

use std::collections::VecDeque;

use super::dissector::{Input, Next, Notes};
use super::http_credential::Offer;
use super::resp::Read;
use super::text_head::Head;
use super::{Hidden, Operation, Principal, PrincipalKind, Proof, Refusal, Rule, Scope, Shown};
use crate::event::Role;

/// Most requests that wait for their answer.
const UNANSWERED: usize = 64;
/// Requests that were answered and whose answers may come again.
const ANSWERED: usize = 16;
/// Different exchanges that are reported.
const DIFFERENT: usize = 32;
/// Most bytes of a sequence number or a call's id that are kept.
const KEY: usize = 96;

/// What sets one protocol of this family apart.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// With which an answer's first line begins.
    pub(crate) version: &'static [u8],
    /// What a method asks for; `None` where its answer decides nothing.
    pub(crate) wish: fn(&[u8]) -> Option<Operation>,
    /// The receiver wants proof.
    pub(crate) demanded: &'static Rule,
    /// It refused a request that carried proof, for want of a right one.
    pub(crate) wrong: &'static Rule,
    /// It refused the request for another reason.
    pub(crate) failed: &'static Rule,
    /// It served what is for anyone.
    pub(crate) public: &'static Rule,
    /// It served what is not.
    pub(crate) served: &'static Rule,
    /// An earlier hop names the caller.
    pub(crate) claimed: &'static Rule,
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Request {
    key: Vec<u8>,
    wish: Option<Operation>,
    offers: Vec<Offer>,
}

/// The requests of one flow's originator and their answers.
#[derive(Debug)]
pub(crate) struct Exchanges {
    dialect: &'static Dialect,
    unanswered: VecDeque<Request>,
    answered: VecDeque<Vec<u8>>,
    reported: Vec<Vec<Offer>>,
    /// The answer that comes next answers nothing that was asked so far.
    early: bool,
}

/// What joins an answer to its request.
fn key(head: &Head<'_>) -> Vec<u8> {
    let mut key = Vec::new();
    for value in [head.field("CSeq", "CSeq"), head.field("Call-ID", "i")] {
        let value = value.unwrap_or_default();
        key.extend_from_slice(value.get(..value.len().min(KEY)).unwrap_or_default());
        key.push(b'\n');
    }
    key
}

impl Exchanges {
    /// Nothing was asked yet.
    pub(crate) fn new(dialect: &'static Dialect) -> Self {
        Self {
            dialect,
            unanswered: VecDeque::new(),
            answered: VecDeque::new(),
            reported: Vec::new(),
            early: false,
        }
    }

    /// Reads one message of a stream, its body included.
    pub(crate) fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // What answers nothing so far does so until more is asked.
        if from == Role::Responder && self.early || !Head::has_ended(input) {
            return Next::More;
        }
        let head = match Head::read(input.bytes()) {
            Read::Got(head) => head,
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
        };
        if from == Role::Responder {
            self.early = self.is_early(&head);
            if self.early {
                return Next::More;
            }
        }
        self.message(from, &head, notes);
        let (length, body) = (head.length, head.body());
        input.read(length);
        input.skip(body);
        Next::More
    }

    /// Takes the head of one message.
    pub(crate) fn message(&mut self, from: Role, head: &Head<'_>, notes: &mut Notes<'_>) {
        match from {
            Role::Originator => self.request(head, notes),
            Role::Responder => self.answer(head, notes),
        }
    }

    /// True when this answers nothing that was asked so far.
    fn is_early(&self, head: &Head<'_>) -> bool {
        let key = key(head);
        head.status(self.dialect.version).is_some()
            && self.unanswered.iter().all(|request| request.key != key)
            && !self.answered.contains(&key)
    }

    /// The originator asks.
    fn request(&mut self, head: &Head<'_>, notes: &Notes<'_>) {
        if head.status(self.dialect.version).is_some() {
            // An answer to what the responder asked.
            return;
        }
        self.early = false;
        let key = key(head);
        self.unanswered.retain(|known| known.key != key);
        if self.unanswered.len() >= UNANSWERED {
            self.unanswered.pop_front();
        }
        let mut offers = head.offers(notes);
        // RFC 3325: a name for the receivers that trust this hop.
        let asserted = head.field("P-Asserted-Identity", "Remote-Party-ID");
        if let (true, Some(name)) = (offers.is_empty(), asserted) {
            let principal = Some(Principal::bounded(PrincipalKind::User, name));
            let shown =
                Shown::Offers { proof: Proof::Claim, scope: Scope::Request, principal, credential: None };
            offers.push((self.dialect.claimed, shown));
        }
        let wish = (self.dialect.wish)(head.method());
        self.unanswered.push_back(Request { key, wish, offers });
    }

    /// The responder answers.
    fn answer(&mut self, head: &Head<'_>, notes: &mut Notes<'_>) {
        let Some(code) = head.status(self.dialect.version) else { return };
        let key = key(head);
        let Some(at) = self.unanswered.iter().position(|request| request.key == key) else { return };
        if code < 200 {
            return;
        }
        let Some(request) = self.unanswered.remove(at) else { return };
        if self.answered.len() >= ANSWERED {
            self.answered.pop_front();
        }
        self.answered.push_back(key);
        let shown = self.judge(request, code, head.is_stale());
        self.report(shown, notes);
    }

    /// What one exchange shows, in order: what was offered, then how it was answered.
    fn judge(&self, request: Request, code: u16, stale: bool) -> Vec<Offer> {
        let mut shown = request.offers;
        let proved = shown.iter().any(|(_, shown)| shown.proof().is_some());
        let refuses = |why| Shown::Refuses { why };
        match (code, request.wish) {
            (401 | 407, _) => {
                shown.push((self.dialect.demanded, Shown::Demands { proof: Proof::Secret }));
                if proved && !stale {
                    shown.push((self.dialect.wrong, refuses(Refusal::ProofWrong)));
                } else if !proved {
                    shown.push((self.dialect.demanded, refuses(Refusal::ProofMissing)));
                }
            }
            (403, _) => shown.push((self.dialect.failed, refuses(Refusal::NotAllowed))),
            (200..=399, Some(Operation::Public)) => {
                shown.push((self.dialect.public, Shown::Serves { operation: Operation::Public }));
            }
            (200..=399, Some(Operation::Service)) => {
                shown.push((self.dialect.served, Shown::Serves { operation: Operation::Service }));
            }
            (200..=399, None) => shown.clear(),
            (_, Some(_)) => shown.push((self.dialect.failed, refuses(Refusal::Other))),
            (_, None) => shown.clear(),
        }
        shown
    }

    /// Reports an exchange unless an equal one was.
    fn report(&mut self, shown: Vec<Offer>, notes: &mut Notes<'_>) {
        if shown.is_empty() || self.reported.len() >= DIFFERENT || self.reported.contains(&shown) {
            return;
        }
        for (rule, shown) in &shown {
            notes.say(rule, shown.clone());
        }
        self.reported.push(shown);
    }

    /// Says what was offered and never answered.
    pub(crate) fn finish(&mut self, notes: &mut Notes<'_>) {
        for request in std::mem::take(&mut self.unanswered) {
            self.report(request.offers, notes);
        }
    }
}
