//! The names that a caller used on a flow, and which of them a proof was accepted for.

use super::Check;
use super::ledger::Ledger;
use crate::evidence::{Principal, Proof, Scope};

/// Most names, and most credentials, kept for one flow; a caller that uses more has shown enough.
pub(super) const MOST_NAMES: usize = 16;

/// A name that the caller used on this flow, and what proof went with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameUsed {
    /// The name.
    pub principal: Principal,
    /// Proof that the receiver accepted for it, and whether it had asked for it.
    pub accepted: Option<(Check, bool)>,
    proof: Proof,
    scope: Scope,
    /// Not refused, and not of a request that was answered.
    current: bool,
}

impl Ledger {
    /// The caller gave a name with what it presented.
    pub(super) fn named(&mut self, principal: Option<&Principal>, proof: Proof, scope: Scope) {
        let Some(principal) = principal else { return };
        let room = self.names.len() < MOST_NAMES;
        match self.names.iter_mut().find(|known| known.principal == *principal) {
            Some(known) => {
                known.proof = known.proof.max(proof);
                known.scope = scope;
                known.current = true;
            }
            None if room => {
                let principal = principal.clone();
                self.names.push(NameUsed { principal, accepted: None, proof, scope, current: true });
            }
            None => {}
        }
    }

    /// Proof was accepted: for the names that it was presented with.
    pub(super) fn names_accepted(&mut self, proof: Proof, by: (Check, bool)) {
        // A name given before its proof (PostgreSQL's start-up role, then SCRAM) is the name that was proved.
        let last = self.names.iter().rposition(|name| name.current && name.scope == Scope::Connection);
        for (index, name) in self.names.iter_mut().enumerate().filter(|(_, name)| name.current) {
            let takes = match name.accepted {
                None => name.proof == proof || Some(index) == last,
                // What a finished handshake left open, service decides.
                Some((check, asked)) => !asked && by == (check, true) && name.proof == proof,
            };
            if takes {
                name.accepted = Some(by);
            }
        }
    }

    /// An operation was served: names of its request alone stand for nothing more.
    pub(super) fn names_served(&mut self) {
        self.names.iter_mut().for_each(|name| name.current &= name.scope == Scope::Connection);
    }

    /// Proof was refused: the names that it was presented with were not proved.
    pub(super) fn names_refused(&mut self) {
        let scope = if self.request.is_some() { Scope::Request } else { Scope::Connection };
        for name in self.names.iter_mut().filter(|name| name.scope == scope) {
            name.current &= scope == Scope::Connection && name.proof == Proof::Claim;
        }
    }
}
