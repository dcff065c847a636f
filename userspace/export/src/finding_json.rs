//! Findings in the graph JSON and on the stream, and read back from it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tierzero_core::finding::{
    CallerClass, Decision, Finding, FindingType, FoundOn, Life, Severity, State, Subject, Turn, life,
};
use tierzero_core::graph::Snapshot;
use tierzero_core::id::{EdgeId, FindingId, HolderId, HostId, ListenerId, WorkloadId};

use crate::read::{ReadError, moment};
use crate::words::time;

/// After so much silence a finding is stale, unless an operator says otherwise. That resolves nothing.
pub const STALE_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

#[derive(Serialize, Deserialize)]
pub(crate) struct FindingJson {
    id: String,
    r#type: FindingType,
    severity: Severity,
    state: String,
    subjects: Vec<String>,
    count: u64,
    first: String,
    last: String,
    rule: String,
    anchors: AnchorsJson,
    says: String,
    // Beyond the contract:
    /// An accepted risk ran out.
    expired: bool,
    /// No evidence of it for long. That resolves nothing.
    stale: bool,
    ends_when: String,
    edges: Vec<FoundOn>,
    callers: Vec<CallerClass>,
    history: Vec<ChangeJson>,
    /// Turns that evidence gave to it, and decisions: the state follows from both.
    turns: Vec<Turn>,
    decisions: Vec<Decision>,
}

/// On the stream `type` says what kind of line it is: the finding's own type is `finding`.
#[derive(Serialize)]
pub(crate) struct StreamedFinding {
    finding: FindingType,
    severity: Severity,
    id: String,
    state: String,
    subjects: Vec<String>,
    count: u64,
    first: String,
    last: String,
    rule: String,
    anchors: AnchorsJson,
    says: String,
    ends_when: String,
    edges: Vec<FoundOn>,
    callers: Vec<CallerClass>,
    turns: Vec<Turn>,
}

impl StreamedFinding {
    pub(crate) fn new(finding: &Finding, now: Timestamp) -> Self {
        let FindingJson {
            id,
            r#type,
            severity,
            state,
            subjects,
            count,
            first,
            last,
            rule,
            anchors,
            says,
            ends_when,
            edges,
            callers,
            turns,
            ..
        } = FindingJson::new(finding, &[], now, STALE_AFTER);
        Self {
            finding: r#type,
            severity,
            id,
            state,
            subjects,
            count,
            first,
            last,
            rule,
            anchors,
            says,
            ends_when,
            edges,
            callers,
            turns,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct AnchorsJson {
    nist: Vec<String>,
    owasp: Vec<String>,
    attack: Vec<String>,
    atlas: Vec<String>,
    other: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct ChangeJson {
    at: String,
    who: String,
    to: String,
    why: String,
}

/// As of the end of what was observed and decided: an export of the same database is the same export.
pub(crate) fn all(snapshot: &Snapshot, stale_after: SignedDuration) -> Vec<FindingJson> {
    let ends = snapshot.window.map(|(_, to)| to).into_iter();
    let now = ends.chain(snapshot.decisions.iter().map(|it| it.at)).max().unwrap_or_default();
    snapshot.findings.iter().map(|it| FindingJson::new(it, &snapshot.decisions, now, stale_after)).collect()
}

impl FindingJson {
    pub(crate) fn new(
        finding: &Finding,
        decisions: &[Decision],
        now: Timestamp,
        stale_after: SignedDuration,
    ) -> Self {
        let Finding { id, kind, severity, subjects, count, first, last, edges, callers, says, turns } =
            finding;
        let Life { state, stale, transitions } = life(finding, decisions, now, stale_after);
        let anchors = kind.anchors();
        let own = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect();
        Self {
            id: id.to_string(),
            r#type: *kind,
            severity: *severity,
            state: state.as_str().to_owned(),
            subjects: subjects.iter().map(|it| it.as_str().to_owned()).collect(),
            count: *count,
            first: time(*first),
            last: time(*last),
            rule: kind.rule().to_owned(),
            anchors: AnchorsJson {
                nist: own(anchors.nist),
                owasp: own(anchors.owasp),
                attack: own(anchors.attack),
                atlas: own(anchors.atlas),
                other: own(anchors.other),
            },
            says: says.clone(),
            expired: state == State::New { expired: true },
            stale,
            ends_when: kind.ends_when().to_owned(),
            edges: edges.clone(),
            callers: callers.iter().copied().collect(),
            history: transitions
                .iter()
                .map(|it| ChangeJson {
                    at: time(it.at),
                    who: it.who.as_str().to_owned(),
                    to: it.to.as_str().to_owned(),
                    why: it.why.clone(),
                })
                .collect(),
            turns: turns.clone(),
            decisions: decisions.iter().filter(|it| it.finding == *id).cloned().collect(),
        }
    }

    pub(crate) fn read(self) -> Result<(Finding, Vec<Decision>), ReadError> {
        let finding = Finding {
            id: FindingId::from_stored(&self.id),
            kind: self.r#type,
            severity: self.severity,
            subjects: self.subjects.iter().map(|it| subject(it)).collect::<Result<_, _>>()?,
            count: self.count,
            first: moment(&self.first)?,
            last: moment(&self.last)?,
            edges: self.edges,
            callers: self.callers.into_iter().collect(),
            says: self.says,
            turns: self.turns,
        };
        Ok((finding, self.decisions))
    }
}

fn subject(id: &str) -> Result<Subject, ReadError> {
    let (kind, _) = id.split_once('-').unwrap_or_default();
    Ok(match kind {
        "w" => Subject::Workload(WorkloadId::from_stored(id)),
        "l" => Subject::Listener(ListenerId::from_stored(id)),
        "e" => Subject::Edge(EdgeId::from_stored(id)),
        "p" => Subject::Principal(HolderId::from_stored(id)),
        "h" => Subject::Host(HostId::from_stored(id)),
        _ => return Err(ReadError::Value { field: "subject", value: id.to_owned() }),
    })
}
