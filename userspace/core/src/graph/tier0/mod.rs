//! The Tier-0 write-down: what a snapshot answers to the questions that come before any agent.
//!
//! Everything here is a pure function of a [`Snapshot`] and of the operator's [`Terms`]. Times are those of the
//! snapshot: the write-down is as of the end of its window. Each answer carries the ids it rests on and what was not
//! seen; every count is "at least".

mod accounts;
mod agents;
mod answers;
mod exposure;
mod floor;
mod owners;

pub use accounts::{Account, accounts};
pub use agents::{AgentCalls, AgentIdentity, ByClass, agent_calls};
pub use answers::Answer;
pub use exposure::{EdgeGrid, exposure};
pub use floor::{Floor, FloorReadout, floors};
pub use owners::{Owned, OwnerRule, Ownership};

use jiff::Timestamp;

use super::Snapshot;

/// What an operator says, and the limits by which things are called short, long ago or old.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Who owns what.
    pub owners: Vec<OwnerRule>,
    /// Longest lifetime in seconds that counts as short-lived.
    pub short_lived_s: u64,
    /// Seconds without use before the end of the window after which a principal counts as dormant.
    pub dormant_s: u64,
    /// Days after which the confirmation of an owner counts as stale.
    pub owner_stale_days: u32,
}

impl Default for Terms {
    /// An hour, 90 days, a year; nobody owns anything.
    fn default() -> Self {
        Self { owners: Vec::new(), short_lived_s: 3600, dormant_s: 90 * 86_400, owner_stale_days: 365 }
    }
}

/// The write-down.
#[derive(Clone, PartialEq, Debug)]
pub struct Tier0 {
    /// The moment it speaks of: the end of the window.
    pub as_of: Option<Timestamp>,
    /// The answers, in the order of the questions.
    pub answers: Vec<Answer>,
    /// What each agent itself called.
    pub agents: Vec<AgentCalls>,
    /// Observed principals, the weakest first.
    pub accounts: Vec<Account>,
    /// Listeners, the lowest first.
    pub floors: Vec<FloorReadout>,
    /// The five attempts on each edge that served, the weakest first.
    pub exposure: Vec<EdgeGrid>,
}

impl Tier0 {
    /// Of a snapshot.
    #[must_use]
    pub fn of(snapshot: &Snapshot, terms: &Terms) -> Self {
        let accounts = accounts(snapshot, terms);
        let floors = floors(snapshot, terms);
        let agents = agent_calls(snapshot, &accounts);
        Self {
            as_of: snapshot.window.map(|(_, to)| to),
            answers: answers::all(snapshot, terms, &accounts, &agents),
            exposure: exposure(snapshot, terms),
            agents,
            accounts,
            floors,
        }
    }
}
