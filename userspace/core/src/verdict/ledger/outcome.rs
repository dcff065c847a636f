//! What one flow's account comes to.

use super::Ledger;
use crate::evidence::{Hidden, Proof, Scope};
use crate::verdict::standing::Standing;
use crate::verdict::{Check, FlowClass, Late, Outcome, ProofKind, Reach, Setting};

impl Ledger {
    /// What the flow comes to; `None` while it is open and nothing decides.
    #[must_use]
    pub fn class(&self, setting: &Setting) -> Option<FlowClass> {
        let Setting { late, over, silent, vouched, unix, answered } = *setting;
        if late != Late::No || self.hidden == Some(Hidden::JoinedLate) {
            let late = if over { Late::Over } else { Late::Open };
            return Some(
                self.proved_since(over).map_or(FlowClass::joined_late(late), |it| FlowClass { late, ..it }),
            );
        }
        let vouched = vouched.or(self.vouched);
        if let Some(weakest) = self.weakest {
            let class = self.served_class(weakest, vouched, unix);
            let unseen = self.one_way && class.outcome == Outcome::Served;
            return Some(if unseen { FlowClass { outcome: Outcome::Unknown, ..class } } else { class });
        }
        if let Some((check, asked)) = self.admitted {
            return Some(FlowClass { asked, ..FlowClass::new(Outcome::Admitted, check) });
        }
        if self.refused && !(self.public && self.concealed().is_none() && !self.refused_caller) {
            // What a refused caller presented; what was demanded of it stands in the listener's contrast.
            let unread = if self.concealed().is_some() { Check::Opaque } else { Check::None };
            let wrong = self.credited.wrong.each().next().map(|kind| match kind {
                ProofKind::Secret => Check::Secret,
                ProofKind::Key => Check::Key,
            });
            let offered = self.request.or(self.connection).map(|offer| offer.check);
            let check = offered.or(self.refused_request).or(wrong).unwrap_or(unread);
            return Some(FlowClass {
                asked: self.asked_for(check),
                ..FlowClass::new(Outcome::Refused, check)
            });
        }
        if self.public && self.concealed().is_none() {
            return Some(FlowClass::new(Outcome::Served, Check::Public));
        }
        if self.asked_public && over && self.hidden.is_none() && vouched.is_none() {
            return Some(FlowClass::new(Outcome::Unknown, Check::Public));
        }
        if vouched.is_some() && (over || self.hidden.is_some()) {
            return Some(FlowClass { asked: true, ..FlowClass::new(Outcome::Unknown, Check::Kernel) });
        }
        if over && silent && matches!(self.hidden, None | Some(Hidden::NoPayload)) {
            return Some(FlowClass::new(Outcome::Idle, Check::Opaque));
        }
        let unread = matches!(self.hidden, None | Some(Hidden::Unsupported | Hidden::NoPayload));
        if unix == Some(Reach::Many) && unread && answered && (over || self.hidden.is_some()) {
            return Some(FlowClass::new(Outcome::Served, Check::None));
        }
        if self.hidden.is_some() {
            return Some(FlowClass::new(Outcome::Unknown, Check::Opaque));
        }
        // What was presented is known, what the receiver made of it is not.
        let presented = self.request.or(self.connection).filter(|offer| offer.proof != Proof::Claim);
        over.then(|| FlowClass::new(Outcome::Unknown, presented.map_or(Check::Opaque, |offer| offer.check)))
    }

    /// What a flow that was joined late shows all the same: proof that was seen is proof, whatever came before.
    fn proved_since(&self, over: bool) -> Option<FlowClass> {
        if self.hidden.is_some() || self.refused {
            return None;
        }
        let presented =
            || self.request.or(self.connection).filter(|offer| over && offer.proof != Proof::Claim);
        match (self.weakest, self.admitted) {
            (Some(Standing::Proved { asked, check, .. }), _) => {
                let outcome = if self.one_way { Outcome::Unknown } else { Outcome::Served };
                Some(FlowClass { asked, ..FlowClass::new(outcome, check) })
            }
            (Some(_), _) => None,
            (None, Some((check, asked))) => {
                Some(FlowClass { asked, ..FlowClass::new(Outcome::Admitted, check) })
            }
            (None, None) => presented().map(|offer| FlowClass::new(Outcome::Unknown, offer.check)),
        }
    }

    fn served_class(&self, weakest: Standing, vouched: Option<bool>, unix: Option<Reach>) -> FlowClass {
        match weakest {
            Standing::None | Standing::Claimed if vouched.is_some() => {
                FlowClass { asked: true, ..FlowClass::new(Outcome::Served, Check::Kernel) }
            }
            // Silence on a Unix socket says nothing unless the receiver's calls were visible (requirements 3.4).
            Standing::None | Standing::Claimed if unix == Some(Reach::Unknown) => {
                FlowClass::new(Outcome::Unknown, Check::Opaque)
            }
            Standing::None => FlowClass::new(Outcome::Served, Check::None),
            Standing::Claimed => FlowClass::new(Outcome::Served, Check::Claimed),
            Standing::Blurred => FlowClass::new(Outcome::Unknown, Check::Opaque),
            // Each request proves itself alone: what was not seen may have been served without.
            Standing::Proved { scope: Scope::Request, .. } if self.hidden_last => {
                FlowClass::new(Outcome::Unknown, Check::Opaque)
            }
            Standing::Proved { asked, check, scope: _ } => {
                FlowClass { asked, ..FlowClass::new(Outcome::Served, check) }
            }
        }
    }
}
