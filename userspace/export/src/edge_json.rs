//! The edges in the graph JSON.

use serde::{Deserialize, Serialize};
use tierzero_core::graph::{CredentialSighting, Edge, EvidenceLine};

use crate::words::{Word, time};

#[derive(Serialize, Deserialize)]
pub(crate) struct EdgeJson {
    pub(crate) id: String,
    pub(crate) caller: String,
    pub(crate) listener: String,
    pub(crate) transport: String,
    pub(crate) protocol: Option<String>,
    pub(crate) verdict: String,
    pub(crate) check: String,
    pub(crate) strength: Option<String>,
    pub(crate) flows: u64,
    pub(crate) served: u64,
    pub(crate) refused: u64,
    pub(crate) opaque: u64,
    pub(crate) by_check: ByCheckJson,
    /// Names alone; with kind and proof in `principal_sightings`.
    pub(crate) principals: Vec<String>,
    pub(crate) credentials: Vec<CredentialJson>,
    pub(crate) ends: String,
    pub(crate) joined_late: u64,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) processes: Vec<ProcessJson>,
    pub(crate) evidence: Vec<EvidenceJson>,
    pub(crate) joined_inferred: bool,
    pub(crate) principal_sightings: Vec<PrincipalJson>,
    pub(crate) history: Vec<VerdictChangeJson>,
}

/// Every check, also those with no flow, so that the shape is always the same.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ByCheckJson(#[serde(with = "in_order")] pub(crate) Vec<(String, u64)>);

#[derive(Serialize, Deserialize)]
pub(crate) struct CredentialJson {
    pub(crate) kind: String,
    pub(crate) fingerprint: Option<String>,
    pub(crate) lifetime_s: Option<u64>,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) cleartext: bool,
    #[serde(default)]
    pub(crate) not_before: Option<String>,
    #[serde(default)]
    pub(crate) not_after: Option<String>,
    #[serde(default)]
    pub(crate) subject: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ProcessJson {
    pub(crate) exe: String,
    pub(crate) count: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct EvidenceJson {
    pub(crate) rule: String,
    pub(crate) level: String,
    pub(crate) source: String,
    pub(crate) shows: String,
    pub(crate) limits: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PrincipalJson {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) verified: bool,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct VerdictChangeJson {
    pub(crate) at: String,
    pub(crate) from: String,
    pub(crate) to: String,
    #[serde(default)]
    pub(crate) why: Option<String>,
    #[serde(default)]
    pub(crate) check: Option<String>,
    #[serde(default)]
    pub(crate) strength: Option<String>,
}

/// A JSON object whose members keep the order in which they are given.
mod in_order {
    use std::collections::BTreeMap;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        members: &[(String, u64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(String, u64)>, D::Error> {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

impl From<&EvidenceLine> for EvidenceJson {
    fn from(line: &EvidenceLine) -> Self {
        let EvidenceLine { rule, level, source, shows, limits } = line;
        Self {
            rule: rule.clone(),
            level: level.word().to_owned(),
            source: source.word().to_owned(),
            shows: shows.clone(),
            limits: limits.clone(),
        }
    }
}

impl From<&Edge> for EdgeJson {
    fn from(edge: &Edge) -> Self {
        let by_check = tierzero_core::verdict::Check::ALL
            .iter()
            .map(|check| (check.word().to_owned(), edge.by_check.get(check).copied().unwrap_or_default()))
            .collect();
        let principals = &edge.principals;
        Self {
            id: edge.id.to_string(),
            caller: edge.caller.to_string(),
            listener: edge.listener.to_string(),
            transport: edge.transport.word().to_owned(),
            protocol: edge.protocol.clone(),
            verdict: edge.verdict.word().to_owned(),
            check: edge.check.word().to_owned(),
            strength: edge.strength.map(|strength| strength.word().to_owned()),
            flows: edge.flows,
            served: edge.served,
            refused: edge.refused,
            opaque: edge.opaque,
            by_check: ByCheckJson(by_check),
            principals: principals.iter().map(|sighting| sighting.principal.name.clone()).collect(),
            credentials: edge
                .credentials
                .iter()
                .map(|CredentialSighting { credential, first, last }| CredentialJson {
                    kind: credential.kind.word().to_owned(),
                    fingerprint: credential.fingerprint.as_ref().map(ToString::to_string),
                    lifetime_s: credential.lifetime_s,
                    first: time(*first),
                    last: time(*last),
                    cleartext: credential.cleartext,
                    not_before: credential.not_before.map(time),
                    not_after: credential.not_after.map(time),
                    subject: credential.subject.clone(),
                })
                .collect(),
            ends: edge.ends.word().to_owned(),
            joined_late: edge.joined_late,
            first: time(edge.first),
            last: time(edge.last),
            bytes_sent: edge.bytes_sent,
            bytes_received: edge.bytes_received,
            processes: edge
                .processes
                .iter()
                .map(|process| ProcessJson { exe: process.exe.clone(), count: process.count })
                .collect(),
            evidence: edge.evidence.iter().map(EvidenceJson::from).collect(),
            joined_inferred: edge.joined_inferred,
            principal_sightings: principals
                .iter()
                .map(|sighting| PrincipalJson {
                    kind: sighting.principal.kind.word().to_owned(),
                    name: sighting.principal.name.clone(),
                    verified: sighting.verified,
                })
                .collect(),
            history: edge
                .history
                .iter()
                .map(|change| VerdictChangeJson {
                    at: time(change.at),
                    from: change.from.word().to_owned(),
                    to: change.to.word().to_owned(),
                    why: change.why.map(|why| why.word().to_owned()),
                    check: change.check.map(|check| check.word().to_owned()),
                    strength: change.strength.map(|strength| strength.word().to_owned()),
                })
                .collect(),
        }
    }
}
