//! What became of each credential that was presented on a flow.
//!
//! A check is about who calls; this is about what he showed: whether the receiver took it, refused it, or refused it
//! for its age. A decision counts for a credential only where that one alone was in force.

use jiff::Timestamp;

use super::ledger::Ledger;
use crate::evidence::{Credential, Hidden, Principal, Proof, Refusal, Scope};

/// Most credentials in force on a flow at a time, and most decisions kept until they are taken.
const MOST_IN_FORCE: usize = 8;
const MOST_DECISIONS: usize = 64;

/// A credential that was presented, and what the receiver made of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presented {
    /// Its trace.
    pub credential: Credential,
    /// The name that went with it, or that the connection was opened under.
    pub principal: Option<Principal>,
    /// When it was presented.
    pub at: Timestamp,
    /// What the receiver did next.
    pub decision: Decision,
}

/// What a receiver did with a credential.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Decision {
    /// Nothing that was about this credential alone, so far.
    Open,
    /// It took it: by the protocol's accept code, or by serving.
    Accepted,
    /// It refused it as wrong.
    Refused,
    /// It refused it and said that its time is over.
    RefusedExpired,
}

/// A credential on which the caller stands at present.
#[derive(Clone, Debug)]
struct InForce {
    presented: Presented,
    scope: Scope,
}

/// The credentials of one flow.
#[derive(Clone, Debug, Default)]
pub(super) struct Credentials {
    in_force: Vec<InForce>,
    /// The name that the connection was opened under.
    name: Option<Principal>,
    decided: Vec<Presented>,
}

impl Credentials {
    /// The caller presented something at `at`.
    pub(super) fn offered(
        &mut self,
        proof: Proof,
        scope: Scope,
        principal: Option<&Principal>,
        credential: Option<&Credential>,
        at: Timestamp,
    ) {
        if scope == Scope::Connection && principal.is_some() {
            self.name = principal.cloned();
        }
        let Some(credential) = credential.filter(|_| proof != Proof::Claim) else { return };
        if scope == Scope::Connection {
            self.in_force.retain(|it| it.scope != Scope::Connection);
        }
        let named = principal.or(self.name.as_ref().filter(|_| scope == Scope::Connection)).cloned();
        let presented =
            Presented { credential: credential.clone(), principal: named, at, decision: Decision::Open };
        self.decide(presented.clone());
        if self.in_force.len() < MOST_IN_FORCE {
            self.in_force.push(InForce { presented, scope });
        }
    }

    /// The receiver took what is in force. A request's own credentials stand for nothing after it.
    pub(super) fn accepted(&mut self) {
        self.decision(Decision::Accepted);
    }

    /// An operation was served: what counted for it alone is done with.
    pub(super) fn served(&mut self) {
        self.in_force.retain(|it| it.scope != Scope::Request);
    }

    /// The receiver refused, for this reason.
    pub(super) fn refused(&mut self, why: Refusal) {
        match why {
            Refusal::ProofWrong => self.decision(Decision::Refused),
            Refusal::Expired => self.decision(Decision::RefusedExpired),
            Refusal::ProofMissing | Refusal::Place | Refusal::NotAllowed | Refusal::Other => {}
        }
        let scope = self.scope();
        let proof = matches!(why, Refusal::ProofWrong | Refusal::Expired);
        self.in_force.retain(|it| it.scope != scope || scope == Scope::Connection && !proof);
    }

    /// Nobody can tell any more what a decision is about.
    pub(super) fn lost(&mut self) {
        self.in_force.clear();
    }

    /// A request's own credentials decide over it; without any, the connection's do.
    fn scope(&self) -> Scope {
        let request = self.in_force.iter().any(|it| it.scope == Scope::Request);
        if request { Scope::Request } else { Scope::Connection }
    }

    fn decision(&mut self, decision: Decision) {
        let scope = self.scope();
        let mut about = self.in_force.iter_mut().filter(|it| it.scope == scope);
        if let (Some(it), None) = (about.next(), about.next())
            && it.presented.decision != decision
        {
            it.presented.decision = decision;
            let presented = it.presented.clone();
            self.decide(presented);
        }
    }

    fn decide(&mut self, presented: Presented) {
        // What is decided replaces what was open: once is enough.
        if let Some(open) = self.decided.iter_mut().find(|known| {
            known.decision == Decision::Open
                && known.at == presented.at
                && known.credential == presented.credential
        }) {
            *open = presented;
        } else if self.decided.len() < MOST_DECISIONS {
            self.decided.push(presented);
        }
    }
}

impl Ledger {
    /// Credentials presented since the last call, in order, and what became of them.
    pub fn take_presented(&mut self) -> Vec<Presented> {
        std::mem::take(&mut self.presented.decided)
    }

    /// When what is observed next happened.
    pub fn happens_at(&mut self, at: Timestamp) {
        self.now = at;
    }

    /// Reading went blind for this reason.
    pub(super) fn credentials_blind(&mut self, why: Hidden) {
        if matches!(why, Hidden::Gap | Hidden::Truncated | Hidden::JoinedLate) {
            self.presented.lost();
        }
    }
}
