//! What one edge shows: signs of findings, read off its groups of flows. Nothing is kept here.

use std::net::IpAddr;

use super::callers::unlisted;
use super::{CallerClass, CallerList, FindingType, Severity, Subject};
use crate::event::ListenAddress;
use crate::evidence::{CredentialKind, PrincipalKind};
use crate::fingerprint::Fingerprint;
use crate::graph::{AgentStatus, Edge, FlowGroup, Listener, Transport, Workload};
use crate::id::HolderId;
use crate::verdict::{Check, Outcome, Verdict};

/// Ports on which a protocol is expected (IANA Service Name and Transport Protocol Port Number Registry, and the
/// defaults of common servers). Of a protocol that is not here nothing is said.
const PORTS: &[(&str, &[u16])] = &[
    ("amqp", &[5671, 5672]),
    ("cassandra", &[9042, 9142]),
    ("ftp", &[21]),
    ("kafka", &[9092, 9093, 9094]),
    ("ldap", &[389, 636, 3268, 3269]),
    ("memcached", &[11211]),
    ("mongodb", &[27017, 27018, 27019]),
    ("mqtt", &[1883, 8883]),
    ("mysql", &[3306, 33060]),
    ("nats", &[4222, 6222]),
    ("postgresql", &[5432, 6432]),
    ("redis", &[6379, 6380, 16379, 26379]),
    ("rsync", &[873]),
    ("smb", &[139, 445]),
    ("smtp", &[25, 465, 587]),
    ("snmp", &[161, 162]),
    ("ssh", &[22]),
    ("telnet", &[23]),
    ("zookeeper", &[2181, 2281]),
];

/// What a receiver carries beside its protocol, as far as any flow showed it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Carries {
    /// The protocol of agents' tools.
    pub(crate) mcp: bool,
    /// The interface of a model.
    pub(crate) model: bool,
}

/// An agent behind a caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behind<'a> {
    /// Its root's workload.
    pub(crate) root: &'a Workload,
    /// Nobody declared it: all that stands on it weighs little (decision 2).
    pub(crate) suspected: bool,
    /// The caller is a part of its tree that sits elsewhere.
    pub(crate) elsewhere: bool,
}

impl Behind<'_> {
    fn weighs(&self, severity: Severity) -> Severity {
        if self.suspected { Severity::Low } else { severity }
    }
}

/// One edge with its ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) edge: &'a Edge,
    pub(crate) caller: &'a Workload,
    pub(crate) listener: &'a Listener,
    pub(crate) owner: &'a Workload,
    pub(crate) carries: Carries,
    /// The agent behind the caller.
    pub(crate) agent: Option<Behind<'a>>,
    /// Whom the operator named for the listener.
    pub(crate) list: Option<&'a CallerList>,
    /// Fingerprints of the passwords that anyone would try first.
    pub(crate) well_known: &'a [Fingerprint],
}

/// A sign of a finding.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Sign {
    pub(crate) kind: FindingType,
    pub(crate) severity: Severity,
    /// The cause first.
    pub(crate) subjects: Vec<Subject>,
    /// What tells causes apart that have the same subjects.
    pub(crate) cause: Option<String>,
    /// How often.
    pub(crate) count: u64,
    pub(crate) class: Option<CallerClass>,
    pub(crate) says: String,
}

/// Where a caller sits, seen from the listener.
fn class(seen: &Seen<'_>) -> CallerClass {
    let Seen { caller, owner, .. } = seen;
    if caller.agent != AgentStatus::No {
        return CallerClass::Agent;
    }
    match (&caller.host, caller.netns, owner.netns) {
        (None, _, _) => CallerClass::OtherHost,
        (Some(_), Some(from), Some(to)) if from == to => CallerClass::SameNamespace,
        (Some(_), Some(_), Some(_)) => CallerClass::OtherNamespace,
        (Some(_), _, _) => CallerClass::Unknown,
    }
}

/// The flows of one edge, by what they mean for findings.
#[derive(Debug, Default)]
struct Counted {
    /// Served with no proof at all.
    open: u64,
    /// Served without proof that the listener needs, to a process that descends from an agent's root.
    lineage: u64,
    /// Served with a credential that the listener does not need.
    decorative: u64,
    /// A shared secret was shown and not refused.
    secret: u64,
    /// Could not be read.
    opaque: u64,
}

fn count(groups: &[FlowGroup]) -> Counted {
    let mut counted = Counted::default();
    for group in groups {
        let shown = matches!(group.class.check, Check::Secret | Check::Token | Check::Key);
        if group.verdict == Verdict::LocationTrusted && group.class.descendant {
            counted.lineage += group.flows;
        }
        match group.verdict {
            Verdict::LocationTrusted if shown => counted.decorative += group.flows,
            Verdict::LocationTrusted => counted.open += group.flows,
            Verdict::Opaque if group.class.outcome == Outcome::Unknown => counted.opaque += group.flows,
            Verdict::Opaque
            | Verdict::Unproven
            | Verdict::SecretChecked
            | Verdict::IdentityChecked
            | Verdict::Public
            | Verdict::Refused => {}
        }
        if group.class.check == Check::Secret && group.class.outcome != Outcome::Refused {
            counted.secret += group.flows;
        }
    }
    counted
}

/// Flows that show that the receiver asks: refused ones, and those that it served for a proof that it insists on.
pub(crate) fn proved(edge: &Edge) -> u64 {
    let asked = |group: &&FlowGroup| group.verdict == Verdict::Refused || group.verdict.comforts();
    edge.groups.iter().filter(asked).map(|group| group.flows).sum()
}

/// The signs on one edge.
pub(crate) fn look(seen: &Seen<'_>) -> Vec<Sign> {
    let Seen { edge, listener, owner, carries, agent, .. } = *seen;
    let counted = count(&edge.groups);
    let place = place(&listener.at);
    let whom = format!("{} at {place}", owner.name);
    let at_listener = || Subject::Listener(listener.id.clone());
    let both = |agent: &Behind<'_>| vec![Subject::Workload(agent.root.id.clone()), at_listener()];
    let (open, trusted) = (counted.open, counted.open + counted.decorative);
    let class = Some(class(seen));
    let sign = |kind, severity, subjects, count, says: String| Sign {
        kind,
        severity,
        subjects,
        cause: None,
        count,
        class,
        says,
    };
    let mut signs = Vec::new();
    let serves_agents = carries.mcp || owner.agent != AgentStatus::No;
    if serves_agents && open > 0 {
        let plain = if owner.agent == AgentStatus::Suspected { Severity::Low } else { Severity::Medium };
        let severity = agent.map_or(plain, |agent| agent.weighs(Severity::High).max(plain));
        let says = format!("{whom} serves agents, and serves callers with no proof of identity observed");
        signs.push(sign(FindingType::AgentOpen, severity, vec![at_listener()], open, says));
    } else if let Some(agent) = agent
        && trusted > 0
    {
        let lineage = if agent.elsewhere { trusted } else { counted.lineage };
        let direct = trusted.saturating_sub(lineage);
        let kinds = [
            (FindingType::BridgeDirect, direct, "agent"),
            (FindingType::BridgeLineage, lineage, "a descendant of agent"),
        ];
        for (kind, count, what) in kinds.into_iter().filter(|(_, count, _)| *count > 0) {
            let who = &agent.root.name;
            let says = format!("{what} {who} was served by {whom} with no proof of identity that it needs");
            signs.push(sign(kind, agent.weighs(Severity::High), both(&agent), count, says));
        }
    } else if open > 0 {
        let says = format!("{whom} served callers with no proof of identity observed");
        signs.push(sign(FindingType::LocationTrust, Severity::Medium, vec![at_listener()], open, says));
    }
    // An agent's own protocols are where it is meant to be: a bridge leads elsewhere.
    if let Some(agent) = agent.filter(|_| !carries.model) {
        let who = &agent.root.name;
        if !carries.mcp && edge.verdict == Verdict::SecretChecked {
            let says = format!("agent {who} was served by {whom} for a shared secret");
            let (count, severity) = (counted.secret.max(1), agent.weighs(Severity::Medium));
            signs.push(sign(FindingType::BridgeSecret, severity, both(&agent), count, says));
        }
        if edge.verdict == Verdict::Opaque && counted.opaque > 0 {
            let says = format!("what {whom} checked of agent {who} could not be read");
            signs.push(sign(FindingType::OpaqueAgentPath, Severity::Low, both(&agent), counted.opaque, says));
        }
    }
    if counted.decorative > 0 {
        let says = format!("{whom} is shown credentials, and serves the same to callers without any");
        let subjects = vec![at_listener()];
        let count = counted.decorative;
        signs.push(sign(FindingType::DecorativeCredential, Severity::Medium, subjects, count, says));
    }
    if trusted > 0
        && let Some((protocol, port)) = odd_port(listener)
    {
        let says = format!(
            "{whom} speaks {protocol} on port {port}: an odd port is no check, and the listener makes none"
        );
        signs.push(sign(FindingType::OddPort, Severity::Low, vec![at_listener()], trusted, says));
    }
    secrets(seen, &counted, &whom, &sign, &mut signs);
    unlisted(seen, &whom, &sign, &mut signs);
    signs
}

/// Signs that the credentials on an edge give.
fn secrets(
    seen: &Seen<'_>,
    counted: &Counted,
    whom: &str,
    sign: &impl Fn(FindingType, Severity, Vec<Subject>, u64, String) -> Sign,
    signs: &mut Vec<Sign>,
) {
    let Seen { edge, listener, well_known, .. } = *seen;
    let at_listener = || Subject::Listener(listener.id.clone());
    let bare = |kind: CredentialKind| {
        matches!(
            kind,
            CredentialKind::Password | CredentialKind::ApiKey | CredentialKind::Bearer | CredentialKind::Jwt
        )
    };
    let crosses = edge.transport != Transport::Unix;
    let clear = edge.credentials.iter().any(|it| it.credential.cleartext && bare(it.credential.kind));
    if counted.secret > 0 && clear && crosses {
        let loopback = address(&listener.at).is_some_and(|it| it.is_loopback());
        let severity = if loopback { Severity::Low } else { Severity::Medium };
        let says = format!("{whom} is sent a secret that whoever sees the wire can use again");
        signs.push(sign(FindingType::CleartextSecret, severity, vec![at_listener()], counted.secret, says));
    }
    let known = |it: &Fingerprint| well_known.contains(it);
    if counted.secret > 0
        && edge.credentials.iter().any(|it| it.credential.fingerprint.as_ref().is_some_and(known))
    {
        let says = format!("{whom} was shown a password that anyone would try first, and did not refuse it");
        signs.push(sign(
            FindingType::DefaultCredential,
            Severity::High,
            vec![at_listener()],
            counted.secret,
            says,
        ));
    }
    for it in edge.principals.iter().filter(|it| it.verified && it.principal.kind != PrincipalKind::Uid) {
        let holder =
            HolderId::derive(&[listener.id.as_str(), it.principal.kind.as_str(), it.principal.name.as_str()]);
        let says = format!("{} is used at {whom} by several workloads", it.principal.name);
        let subjects = vec![Subject::Principal(holder), at_listener()];
        signs.push(sign(FindingType::SharedPrincipal, Severity::Medium, subjects, edge.served, says));
    }
    let named = edge.principals.iter().any(|it| it.verified);
    if !named && edge.verdict == Verdict::SecretChecked {
        for fingerprint in edge.credentials.iter().filter_map(|it| it.credential.fingerprint.as_ref()) {
            let says = format!("one secret is used at {whom} by several workloads");
            signs.push(Sign {
                cause: Some(fingerprint.to_string()),
                ..sign(FindingType::SharedPrincipal, Severity::Medium, vec![at_listener()], edge.served, says)
            });
        }
    }
}

/// The protocol and the port, where that is not one of its own.
fn odd_port(listener: &Listener) -> Option<(&str, u16)> {
    let port = match &listener.at {
        ListenAddress::Tcp { address } | ListenAddress::Udp { address } => address.port(),
        ListenAddress::Unix { .. } => return None,
    };
    let protocol = listener.protocol.as_deref()?;
    let (_, ports) = PORTS.iter().find(|(name, _)| *name == protocol)?;
    (!ports.contains(&port)).then_some((protocol, port))
}

fn address(at: &ListenAddress) -> Option<IpAddr> {
    match at {
        ListenAddress::Tcp { address } | ListenAddress::Udp { address } => Some(address.ip()),
        ListenAddress::Unix { .. } => None,
    }
}

/// Where a listener listens, as text.
pub(crate) fn place(at: &ListenAddress) -> String {
    match at {
        ListenAddress::Tcp { address } | ListenAddress::Udp { address } => address.to_string(),
        ListenAddress::Unix { path, file: _ } => path.clone(),
    }
}
