//! What a refusal says about the listener.

use super::Ledger;
use crate::evidence::{Proof, Refusal, Source};
use crate::verdict::contrast::Kinds;
use crate::verdict::{Contrast, ProofKind};

impl Ledger {
    /// Takes a refusal; what it newly shows about the listener is added to `contrast`.
    pub(super) fn refuse(&mut self, why: Refusal, source: Source, contrast: &mut Contrast) {
        self.refused = true;
        self.refused_caller |= why != Refusal::Other;
        self.refused_request = self.request.map(|offer| offer.check).or(self.refused_request);
        self.admitted = None;
        self.hidden_last = false;
        if self.blurred(source) {
            // What it refused may have been demanded or offered where nobody could read: no kind may be credited.
            self.open_demand = Kinds::default();
            self.request = None;
            self.presented.lost();
            return;
        }
        self.presented.refused(why);
        let offered = self.request.or(self.connection).and_then(|offer| ProofKind::of(offer.proof));
        match why {
            Refusal::ProofMissing => {
                let kinds = if self.open_demand.is_empty() { Kinds::BOTH } else { self.open_demand };
                // A refusal of a request without proof is itself a demand (evidence catalogue 0.1).
                self.asked.add(kinds);
                self.by_operation.refused(kinds, true);
                for kind in kinds.each() {
                    if !self.credited.missing.has(kind) {
                        self.credited.missing.insert(kind);
                        contrast.kind_mut(kind).refused_missing += 1;
                    }
                }
            }
            Refusal::ProofWrong | Refusal::Expired => {
                let mut kinds = self.open_demand;
                if let Some(kind) = offered {
                    kinds = Kinds::default();
                    kinds.insert(kind);
                }
                let kinds = if kinds.is_empty() { Kinds::BOTH } else { kinds };
                self.by_operation.refused(kinds, false);
                for kind in kinds.each() {
                    if !self.credited.wrong.has(kind) {
                        self.credited.wrong.insert(kind);
                        contrast.kind_mut(kind).refused_wrong += 1;
                    }
                }
                self.names_refused();
                if self.request.is_none() {
                    self.connection = self.connection.filter(|offer| offer.proof == Proof::Claim);
                }
            }
            Refusal::Place => {
                if !self.credited.place {
                    self.credited.place = true;
                    contrast.refused_place += 1;
                }
            }
            Refusal::NotAllowed | Refusal::Other => {}
        }
        self.open_demand = Kinds::default();
        self.request = None;
    }
}
