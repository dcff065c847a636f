//! Findings: what the graph shows that an operator should know, one for each cause, with a count.
//!
//! The observer writes what evidence says and nothing else: [`Finding`]. What operators decided about it are rows
//! beside it: [`Decision`]. In which state that leaves the finding is worked out when somebody asks: [`life`].
//! Meanings, kinds and states are those of the requirements' sections 2.3, 3.7 and 3.9.

mod anchors;
mod book;
mod callers;
mod decision;
mod life;
mod look;
mod mapping;
mod model;
mod owners;
mod severity;
mod types;

pub use anchors::{Anchors, PINNED, Pinned};
pub use book::Rules;
pub use callers::{Caller, CallerList, CallerLists, callers};
pub use decision::{Decision, Verb};
pub use life::{Life, State, Transition, Who, life};
pub use mapping::{Mapping, claims_workloads, mapping};
pub use model::{CallerClass, Finding, FoundOn, MOST_EDGES, MOST_TURNS, Subject, Turn, TurnKind};
pub use severity::Severity;
pub use types::FindingType;

pub(crate) use book::{Book, Rests};
pub(crate) use callers::{listed_since, refused};
pub(crate) use look::{Behind, Carries, Seen, Sign, look, place, proved};
pub(crate) use mapping::{claimed_since, of_edge};
pub(crate) use owners::{owned_since, ownership};
