//! What a resumed session takes over from the handshake that made it.

use super::Check;
use super::contrast::{Kinds, ProofKind};
use super::ledger::Ledger;
use super::names::NameUsed;
use super::standing::Offer;
use crate::evidence::{Credential, Rule};

/// What a finished handshake rested on. Kept for as long as its session may be resumed.
#[derive(Clone, Debug)]
pub struct Inherited {
    offer: Offer,
    check: Check,
    asked: bool,
    names: Vec<NameUsed>,
    credentials: Vec<Credential>,
}

impl Ledger {
    /// What a session that was given on this flow stands for; `None` unless a handshake that rests on a proof was
    /// finished here, or such a session resumed.
    #[must_use]
    pub fn inheritance(&self) -> Option<Inherited> {
        let (check, asked) = self.admitted?;
        let names = self.names.iter().filter(|name| name.accepted.is_some()).cloned().collect();
        Some(Inherited {
            offer: self.connection?,
            check,
            asked,
            names,
            credentials: self.credentials.clone(),
        })
    }

    /// This flow resumed the session of an earlier handshake. Counts only if everything up to here could be read.
    pub fn inherit(&mut self, inherited: &Inherited, rule: &'static Rule) {
        if self.hidden.is_some() || self.request.is_some() {
            return;
        }
        self.cite(rule);
        let Inherited { offer, check, asked, names, credentials } = inherited;
        if let Some(kind) = ProofKind::of_check(*check).filter(|_| *asked) {
            let mut kinds = Kinds::default();
            kinds.insert(kind);
            self.asked.add(kinds);
        }
        self.connection = Some(*offer);
        self.admitted = Some((*check, *asked));
        if self.names.is_empty() {
            self.names.clone_from(names);
        }
        if self.credentials.is_empty() {
            self.credentials.clone_from(credentials);
        }
    }
}
