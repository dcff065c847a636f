//! Requests that a web server hands on: what the status of their answer says, whichever protocol carries them.
//!
//! Source: RFC 9110 section 15 (status codes).

use super::dissector::Notes;
use super::told::Told;
use super::{Operation, Refusal, Rule, Shown};

/// The rules under which one protocol of this family speaks.
#[derive(Debug)]
pub(crate) struct Answers {
    /// A proof was sent and not refused.
    pub(crate) accepted: &'static Rule,
    /// Success.
    pub(crate) served: &'static Rule,
    /// Success of what is open to anyone.
    pub(crate) public: &'static Rule,
    /// 401.
    pub(crate) demanded: &'static Rule,
    /// 403.
    pub(crate) forbidden: &'static Rule,
    /// Any other error.
    pub(crate) failed: &'static Rule,
}

/// The `Answers` of a file whose rules bear these names.
macro_rules! answers {
    () => {
        $crate::evidence::relayed_request::Answers {
            accepted: &ACCEPTED,
            served: &SERVED,
            public: &PUBLIC,
            demanded: &DEMANDED,
            forbidden: &FORBIDDEN,
            failed: &FAILED,
        }
    };
}
pub(crate) use answers;

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relayed {
    /// What it asks for.
    pub(crate) operation: Operation,
    /// It carried a proof.
    pub(crate) proved: bool,
}

impl Relayed {
    /// Says once what this status shows.
    pub(crate) fn answered(self, status: u16, by: &Answers, told: &mut Told, notes: &mut Notes<'_>) {
        let Self { operation, proved } = self;
        let (rule, shown) = match (status, operation) {
            (401, _) => {
                let why = if proved { Refusal::ProofWrong } else { Refusal::ProofMissing };
                (by.demanded, Shown::Refuses { why })
            }
            (403, _) => {
                let why = if proved { Refusal::NotAllowed } else { Refusal::Other };
                (by.forbidden, Shown::Refuses { why })
            }
            (200..400, Operation::Public) => (by.public, Shown::Serves { operation }),
            (200..400, Operation::Service) => {
                if proved {
                    told.once(by.accepted, Shown::Accepts, notes);
                }
                (by.served, Shown::Serves { operation })
            }
            (400.., _) => (by.failed, Shown::Refuses { why: Refusal::Other }),
            _ => return,
        };
        told.once(rule, shown, notes);
    }
}
