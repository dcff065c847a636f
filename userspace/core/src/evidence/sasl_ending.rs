//! How a login ends in the protocols that answer it by a code of their own.
//!
//! Source: RFC 4422 section 3.6 (the outcome of an exchange is the protocol's own message).

use super::dissector::Notes;
use super::{Hidden, Operation, Rule, Shown};

/// The rules by which one protocol says how a login ended.
#[derive(Debug)]
pub(crate) struct Ending {
    /// The receiver went on with a login.
    pub(crate) demanded: &'static Rule,
    /// It accepted what proves something.
    pub(crate) accepted: &'static Rule,
    /// It accepted what is not known.
    pub(crate) unknown: &'static Rule,
    /// It opened a session.
    pub(crate) opened: &'static Rule,
}

impl Ending {
    /// Says that `offer` was decided, and what an accepted one opened. True when it proves more than a name; why it
    /// was refused is the caller's to say.
    pub(crate) fn say(
        &self,
        offer: Option<(&'static Rule, Shown)>,
        well: bool,
        notes: &mut Notes<'_>,
    ) -> bool {
        let proof = offer.as_ref().and_then(|(_, shown)| shown.proof());
        if let Some(proof) = proof {
            notes.say(self.demanded, Shown::Demands { proof });
        }
        let known = offer.is_some();
        if let Some((rule, shown)) = offer {
            notes.say(rule, shown);
        }
        match (well, known) {
            (true, true) => {
                if proof.is_some() {
                    notes.say(self.accepted, Shown::Accepts);
                }
                notes.say(self.opened, Shown::Serves { operation: Operation::Service });
            }
            (true, false) => notes.say(self.unknown, Shown::Hidden { why: Hidden::Unsupported }),
            (false, _) => {}
        }
        proof.is_some()
    }
}
