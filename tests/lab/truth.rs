//! `truth.json`: what is so in a scenario, written from oracles that are not the tool.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

mod relations;

pub(crate) use relations::{Agent, Finding, Log, Path, Relay, Report, Wrap};

/// The truth of one scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Truth {
    /// Name of the scenario.
    pub(crate) scenario: String,
    /// One sentence.
    pub(crate) says: String,
    /// Every edge between lab programs; no other edge may touch a lab namespace.
    pub(crate) edges: Vec<Edge>,
    /// Classes of listeners.
    #[serde(default)]
    pub(crate) listeners: Vec<Listener>,
    /// Every principal of the scenario.
    #[serde(default)]
    pub(crate) principals: Vec<Principal>,
    /// Every agent in a lab namespace; absent where that is not judged.
    pub(crate) agents: Option<Vec<Agent>>,
    /// Every finding about anything in a lab namespace, or about the host; absent where that is not judged.
    pub(crate) findings: Option<Vec<Finding>>,
    /// Every way of an agent in a lab namespace to what trusts it for where it sits; absent where that is not judged.
    pub(crate) paths: Option<Vec<Path>>,
    /// Edges into and out of one workload that belong together; absent where that is not judged.
    pub(crate) relays: Option<Vec<Relay>>,
    /// Every proxy in a lab namespace; absent where that is not judged.
    pub(crate) wraps: Option<Vec<Wrap>>,
    /// Logs of identities.
    #[serde(default)]
    pub(crate) events: Vec<Log>,
    /// What the write-down says; absent where that is not judged.
    pub(crate) report: Option<Report>,
    /// Words that may stand in none of the tool's outputs, in any case.
    #[serde(default)]
    pub(crate) forbidden_words: Vec<String>,
    /// Forbidden statements.
    #[serde(default)]
    pub(crate) must_not: Vec<MustNot>,
    /// Edges that programs make on their own and that may or may not appear, each with the reason.
    #[serde(default)]
    pub(crate) ambient: Vec<Ambient>,
    /// Lines of capabilities that do not exist yet: kept, not judged.
    #[serde(default)]
    #[serde(rename = "later")]
    _later: Option<Value>,
}

/// A program somewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// Name of its workload, where several run the same program there.
    pub(crate) name: Option<String>,
    /// Program path; symbolic links are followed before it is compared. `*/name` is that name in any directory.
    pub(crate) exe: String,
    /// Role of the network namespace.
    pub(crate) netns: String,
}

/// Where something listens: `tcp 10.77.20.2:5432`, `tcp [fd77::20:2]:80` or `unix NAME`, where NAME is the end of
/// the path.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receiver {
    /// Program path.
    pub(crate) exe: String,
    /// Role of the network namespace.
    pub(crate) netns: String,
    /// `tcp` or `unix`.
    pub(crate) transport: String,
    /// Bind address.
    pub(crate) address: Option<String>,
    /// Port.
    pub(crate) port: Option<u16>,
    /// How the path ends.
    pub(crate) path: Option<String>,
}

/// A number, or at least a number.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Number {
    /// Exactly.
    Exactly(u64),
    /// From one to the other.
    Between {
        /// At least this many.
        min: u64,
        /// At most this many.
        max: u64,
    },
    /// At least.
    AtLeast {
        /// This many.
        min: u64,
    },
}

impl Number {
    pub(crate) fn holds(self, value: u64) -> bool {
        match self {
            Self::Exactly(number) => value == number,
            Self::Between { min, max } => (min..=max).contains(&value),
            Self::AtLeast { min } => value >= min,
        }
    }
}

/// One edge.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edge {
    /// Name within the truth.
    pub(crate) name: String,
    /// Who calls.
    pub(crate) caller: Place,
    /// Whom.
    pub(crate) listener: Receiver,
    /// How it is known without the tool.
    #[serde(rename = "oracle")]
    _oracle: String,
    /// Verdict.
    pub(crate) verdict: String,
    /// Checks that are right; empty: not judged.
    #[serde(default)]
    pub(crate) check: Vec<String>,
    /// Strengths that are right; empty: not judged.
    #[serde(default)]
    pub(crate) strength: Vec<String>,
    /// Protocol.
    pub(crate) protocol: Option<String>,
    /// Flows.
    pub(crate) flows: Option<Number>,
    /// Served flows.
    pub(crate) served: Option<Number>,
    /// Refused flows.
    pub(crate) refused: Option<Number>,
    /// Late flows.
    pub(crate) joined_late: Option<Number>,
    /// Flows by check.
    pub(crate) by_check: Option<BTreeMap<String, u64>>,
    /// Which ends must have been seen.
    pub(crate) ends: Option<String>,
    /// Verdicts that it had before, oldest first.
    pub(crate) history: Option<Vec<String>>,
    /// Why it was revised, each time, oldest first.
    pub(crate) revisions: Option<Vec<String>>,
    /// Under which names the caller showed which credentials, and how long they last.
    #[serde(default)]
    pub(crate) credentials: Vec<Holder>,
    /// Levels of evidence of which there must be a line.
    #[serde(default)]
    pub(crate) evidence: Vec<String>,
    /// Its flows, by what distinguishes them; judged on the last line of each flow.
    #[serde(default)]
    pub(crate) groups: Vec<Group>,
}

/// Credentials shown under one name, or under none, by the caller of an edge to its listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Holder {
    /// Name; null where none goes with the credentials.
    pub(crate) principal: Option<String>,
    /// Proved to the receiver, or only claimed.
    pub(crate) verified: bool,
    /// Kind of each credential.
    pub(crate) kind: String,
    /// How many different ones.
    pub(crate) count: usize,
    /// Readable on the wire.
    pub(crate) cleartext: bool,
    /// How long the longest lasts.
    pub(crate) lifetime: String,
    /// Lifetime of each by its own words, where it says one.
    pub(crate) lifetime_s: Option<u64>,
    /// How often a short-lived one took the place of another in time.
    pub(crate) refreshed: u64,
    /// `enforced`, `accepted` or `not-seen`.
    pub(crate) expiry: String,
    /// One secret without an end took another's place, and the old one was refused.
    pub(crate) rotated: bool,
}

/// Flows of an edge that have something in common.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// How many.
    pub(crate) count: u64,
    /// Name used.
    pub(crate) principal: Option<String>,
    /// Check.
    pub(crate) check: Option<String>,
    /// Strength.
    pub(crate) strength: Option<String>,
    /// Verdict.
    pub(crate) verdict: Option<String>,
    /// Joined late.
    pub(crate) joined_late: Option<bool>,
}

/// One listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    /// Where.
    pub(crate) at: Receiver,
    /// Class.
    pub(crate) class: String,
    /// Protocol.
    pub(crate) protocol: Option<String>,
}

/// One principal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Principal {
    /// Name; `uid:nobody` is the number of that user on this machine.
    pub(crate) name: String,
    /// Proved to the receiver, or only claimed.
    pub(crate) verified: bool,
}

/// A forbidden statement.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MustNot {
    /// As a sentence.
    pub(crate) says: String,
    /// Name of the edge in this truth; absent: every edge that touches the lab.
    pub(crate) edge: Option<String>,
    /// Edge verdicts that it must not have.
    #[serde(default)]
    pub(crate) verdicts: Vec<String>,
    /// Flow checks that it must not have.
    #[serde(default)]
    pub(crate) checks: Vec<String>,
    /// Types of finding that there must not be.
    #[serde(default)]
    pub(crate) findings: Vec<String>,
    /// Severities that no finding may have whose first subject is this workload.
    #[serde(default)]
    pub(crate) severities: Vec<String>,
    /// Name of the workload; absent: every finding.
    pub(crate) about: Option<String>,
    /// Verdicts that no line about a flow that joined late may have, at any time.
    #[serde(default)]
    pub(crate) late_verdicts: Vec<String>,
}

/// Edges that a program makes on its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ambient {
    /// Why they may appear.
    #[serde(rename = "because")]
    _because: String,
    /// How the path of the listener begins.
    pub(crate) path: String,
}

impl Principal {
    /// As the tool would write it.
    pub(crate) fn as_said(&self) -> String {
        let number = self.name.strip_prefix("uid:").and_then(|user| {
            let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
            line.split(':').nth(2).map(str::to_owned)
        });
        number.unwrap_or_else(|| self.name.clone())
    }
}

impl Truth {
    /// Reads one; unknown keys are errors, so that a typo can't switch a judgement off.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("truth.json: {error}"))
    }
}
