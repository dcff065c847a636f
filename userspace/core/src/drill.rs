//! Drills (requirements R71): an attempt is prepared to the letter, an operator makes it, and what the observer saw of
//! it is kept. Nothing here makes an attempt.
//!
//! A drill is the strongest evidence there is (requirements 3.2), but for one edge, one attack and one day. Where what
//! was seen on the wire says worse, that stands and both are shown.

mod attempt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use attempt::{Attempt, NoAttempt, attempt};

use crate::event::ListenAddress;
use crate::graph::{Flow, Snapshot, Workload};
use crate::id::{DrillId, EdgeId, ListenerId, WorkloadId};
use crate::verdict::{Attack, Cell, Resistance, Served};

/// One drill.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Drill {
    /// Stable id: of what is attempted and when it was prepared.
    pub id: DrillId,
    /// What is attempted.
    pub attack: Attack,
    /// The edge whose path is tried.
    pub edge: EdgeId,
    /// Whom the attempt calls: the edge's listener, or the backend behind it.
    pub listener: ListenerId,
    /// From whose place, or from anywhere but there.
    pub caller: WorkloadId,
    /// File name of the program that makes the attempt: by it the attempt is known again.
    pub program: String,
    /// When it was prepared. An attempt is later than that.
    pub prepared: Timestamp,
    /// Who prepared it.
    pub by: String,
    /// What came of it.
    pub outcome: Option<DrillOutcome>,
}

/// What was seen of an attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DrillOutcome {
    /// When the last flow of it ended.
    pub at: Timestamp,
    /// Who recorded it.
    pub by: String,
    /// What the receiver did.
    pub result: DrillResult,
    /// Flows that it is read off.
    pub flows: u64,
}

/// What the receiver did with an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrillResult {
    /// It served it, at least once.
    Served,
    /// It answered, and refused every time.
    Refused,
    /// It was not reached: no byte of it came back.
    NotReached,
}

impl DrillResult {
    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Refused => "refused",
            Self::NotReached => "not-reached",
        }
    }
}

/// Why flows give no outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoOutcome {
    /// None fits the attempt.
    NotSeen,
    /// One of them could not be read, or is not over.
    NotRead,
}

/// What came of a drill, read off flows that ended since it was prepared.
///
/// # Errors
/// [`NoOutcome`] where nothing that fits was seen, or not enough of it.
pub fn outcome(
    drill: &Drill,
    snapshot: &Snapshot,
    flows: &[Flow],
    by: &str,
) -> Result<DrillOutcome, NoOutcome> {
    let workload = |id: &WorkloadId| snapshot.workloads.iter().find(|it| it.id == *id);
    let from = workload(&drill.caller);
    let fits = |flow: &&Flow| {
        let caller = flow.caller.as_ref().and_then(workload);
        flow.listener.as_ref() == Some(&drill.listener)
            && flow.from >= drill.prepared
            && !flow.joined_late
            && caller.zip(from).is_some_and(|(caller, from)| {
                let there = caller.host == from.host && caller.netns == from.netns;
                is_program(caller, &drill.program) && there != (drill.attack == Attack::Replay)
            })
    };
    let own: Vec<&Flow> = flows.iter().filter(fits).collect();
    let at = own.iter().map(|it| it.to).max().ok_or(NoOutcome::NotSeen)?;
    let result = if own.iter().any(|it| it.served == Served::Yes) {
        DrillResult::Served
    } else if !own.iter().all(|it| it.closed) {
        return Err(NoOutcome::NotRead);
    } else if own.iter().all(|it| it.bytes_received == 0 && it.served != Served::Yes) {
        DrillResult::NotReached
    } else if own.iter().all(|it| it.served == Served::No || it.bytes_received == 0) {
        DrillResult::Refused
    } else {
        return Err(NoOutcome::NotRead);
    };
    let flows = u64::try_from(own.len()).unwrap_or(u64::MAX);
    Ok(DrillOutcome { at, by: by.to_owned(), result, flows })
}

fn is_program(workload: &Workload, program: &str) -> bool {
    workload.exe.as_deref().and_then(|it| it.rsplit('/').next()) == Some(program)
}

/// Puts what drills of an edge showed into its grid: of each attack the latest counts.
pub(crate) fn weigh(cells: &mut [Cell; 5], edge: &EdgeId, drills: &[Drill]) {
    for cell in cells {
        let own = drills.iter().filter(|it| it.edge == *edge && it.attack == cell.attack);
        let Some(outcome) = own.filter_map(|it| it.outcome.as_ref()).max_by_key(|it| it.at) else { continue };
        let day = outcome.at.strftime("%Y-%m-%d");
        let seen = std::mem::take(&mut cell.because);
        let after = cell.impossible_after_s.take();
        (cell.resistance, cell.because) = match (outcome.result, cell.resistance) {
            (DrillResult::Served, _) => {
                (Resistance::Absent, format!("the drill of {day} was served; beside it: {seen}"))
            }
            (DrillResult::Refused, Resistance::Absent) => {
                (Resistance::Absent, format!("{seen}; the drill of {day} was refused, others were served"))
            }
            (DrillResult::Refused, _) => {
                (Resistance::Impossible, format!("proved by the drill of {day}: refused; beside it: {seen}"))
            }
            (DrillResult::NotReached, Resistance::Unproven) if cell.attack == Attack::GoAround => (
                Resistance::Impossible,
                format!("proved by the drill of {day}: nothing was reached; beside it: {seen}"),
            ),
            (DrillResult::NotReached, as_seen) => {
                cell.impossible_after_s = after;
                let network = "the network kept it away, which is no check of who calls";
                (as_seen, format!("{seen}; the drill of {day} did not reach the receiver: {network}"))
            }
        };
    }
}

/// The unspecified address stands for every address of its namespace.
fn is_wildcard(at: &ListenAddress) -> bool {
    match at {
        ListenAddress::Tcp { address } | ListenAddress::Udp { address } => address.ip().is_unspecified(),
        ListenAddress::Unix { .. } => false,
    }
}
