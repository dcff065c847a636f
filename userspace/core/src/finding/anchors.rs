//! Where a type of finding stands in the published frameworks, with pinned versions.

use super::FindingType;

/// References of one type of finding, by framework.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Anchors {
    /// NIST SP 800-53 controls; `800-207 tN` is a tenet of SP 800-207 section 2.1.
    pub nist: &'static [&'static str],
    /// OWASP Top 10 for Agentic Applications (`ASInn`) and for Non-Human Identities (`NHIn`).
    pub owasp: &'static [&'static str],
    /// MITRE ATT&CK techniques that it enables.
    pub attack: &'static [&'static str],
    /// MITRE ATLAS techniques and mitigations.
    pub atlas: &'static [&'static str],
    /// Others, by name.
    pub other: &'static [&'static str],
}

/// A framework and the version that is cited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pinned {
    /// Framework.
    pub name: &'static str,
    /// Version.
    pub version: &'static str,
}

/// The versions behind every [`Anchors`].
pub const PINNED: &[Pinned] = &[
    Pinned { name: "NIST SP 800-53", version: "r5" },
    Pinned { name: "NIST SP 800-207", version: "2020" },
    Pinned { name: "OWASP Top 10 for Agentic Applications", version: "2026" },
    Pinned { name: "OWASP Non-Human Identities Top 10", version: "2025" },
    Pinned { name: "MITRE ATT&CK Enterprise", version: "17.0" },
    Pinned { name: "MITRE ATLAS", version: "5.6.0" },
    Pinned { name: "CISA Zero Trust Maturity Model", version: "2.0" },
    Pinned { name: "Model Context Protocol", version: "2026-07-28" },
];

impl Anchors {
    /// The references, each list behind the framework and version that it is read in; a version that is not pinned
    /// is empty.
    #[must_use]
    pub fn by_framework(&self) -> Vec<(Pinned, Vec<&'static str>)> {
        let Self { nist, owasp, attack, atlas, other } = self;
        let mut frameworks: Vec<(Pinned, Vec<&'static str>)> = Vec::new();
        let lists = [
            (nist, "NIST SP 800-53"),
            (owasp, ""),
            (attack, "MITRE ATT&CK"),
            (atlas, "MITRE ATLAS"),
            (other, ""),
        ];
        for (list, usual) in lists {
            for reference in *list {
                let (name, reference) = match reference.split_once(' ') {
                    Some(("800-207", tenet)) => ("NIST SP 800-207", tenet),
                    Some(("CISA", _)) => ("CISA", *reference),
                    Some(("MCP", _)) => ("Model Context Protocol", *reference),
                    Some(_) | None if reference.starts_with("ASI") => {
                        ("OWASP Top 10 for Agentic", *reference)
                    }
                    Some(_) | None if reference.starts_with("NHI") => ("OWASP Non-Human", *reference),
                    Some(_) | None => (usual, *reference),
                };
                let unpinned = Pinned { name: "other", version: "" };
                let found = PINNED.iter().find(|it| !name.is_empty() && it.name.starts_with(name));
                let framework = found.copied().unwrap_or(unpinned);
                match frameworks.iter_mut().find(|(known, _)| *known == framework) {
                    Some((_, references)) => references.push(reference),
                    None => frameworks.push((framework, vec![reference])),
                }
            }
        }
        frameworks
    }
}

impl FindingType {
    /// Where it stands in the frameworks (requirements 2.3).
    #[must_use]
    pub fn anchors(self) -> Anchors {
        let none = Anchors::default();
        match self {
            Self::LocationTrust => Anchors {
                nist: &["800-207 t2", "IA-9", "AC-4"],
                owasp: &["NHI4"],
                attack: &["T1021"],
                other: &["CISA ZTMM Networks", "BeyondProd"],
                ..none
            },
            Self::BridgeDirect | Self::BridgeLineage => Anchors {
                nist: &["IA-9", "AC-4", "800-207 t6"],
                owasp: &["ASI03", "ASI02"],
                attack: &["T1021"],
                atlas: &["AML.T0053", "AML.M0032", "AML.M0026"],
                other: &["Zero Trust for AI Agents: identity-based isolation"],
            },
            Self::BridgeTransit => Anchors {
                nist: &["AC-4"],
                owasp: &["ASI03", "ASI08"],
                attack: &["T1090.001"],
                atlas: &["AML.T0053", "AML.T0084.003"],
                other: &["MCP confused deputy"],
            },
            Self::BridgeTunnel => Anchors {
                nist: &["AC-4", "SC-7"],
                owasp: &["ASI03"],
                attack: &["T1572", "T1021.004"],
                ..none
            },
            Self::BridgeSecret => Anchors {
                nist: &["IA-5"],
                owasp: &["ASI03", "NHI7"],
                attack: &["T1078"],
                atlas: &["AML.T0012"],
                other: &["Zero Trust for AI Agents: known gap"],
            },
            Self::AgentOpen => Anchors {
                nist: &["IA-9"],
                owasp: &["ASI07"],
                atlas: &["AML.M0019"],
                other: &["MCP authorization"],
                ..none
            },
            Self::TokenPassthrough => Anchors {
                nist: &["AC-4"],
                owasp: &["ASI03"],
                attack: &["T1550.001"],
                atlas: &["AML.T0091.000"],
                other: &["MCP token passthrough"],
            },
            Self::DecorativeCredential => {
                Anchors { nist: &["IA-9"], owasp: &["NHI4"], attack: &["T1021"], ..none }
            }
            Self::WrapLeaky | Self::WrapBypass => Anchors {
                nist: &["AC-25", "SC-7"],
                owasp: &["NHI4"],
                attack: &["T1021"],
                other: &["Istio PeerAuthentication PERMISSIVE"],
                ..none
            },
            Self::UnlistedCaller => Anchors {
                nist: &["AC-4", "CA-9", "SC-7(5)"],
                owasp: &["NHI8"],
                attack: &["T1021", "T1046"],
                atlas: &["AML.M0032"],
                other: &["Zero Trust for AI Agents: named callers"],
            },
            Self::UnmappedEdge => {
                Anchors { nist: &["CA-9", "CM-8"], other: &["NSA/DoD data flow mapping"], ..none }
            }
            Self::StaticSecret | Self::RotatedNotExpiring => Anchors {
                nist: &["IA-5"],
                owasp: &["NHI7"],
                attack: &["T1078", "T1552"],
                atlas: &["AML.T0055"],
                other: &["Zero Trust for AI Agents: key rotation"],
            },
            Self::SecretInFile => Anchors {
                nist: &["IA-5(7)"],
                owasp: &["NHI2"],
                attack: &["T1552.001"],
                atlas: &["AML.T0083"],
                ..none
            },
            Self::CleartextSecret | Self::DefaultCredential => {
                Anchors { nist: &["IA-5", "SC-8"], owasp: &["NHI4"], attack: &["T1040", "T1078.001"], ..none }
            }
            Self::SharedPrincipal => Anchors {
                nist: &["IA-9", "AC-2"],
                owasp: &["NHI9", "ASI03"],
                attack: &["T1078"],
                atlas: &["AML.T0012"],
                other: &["Zero Trust for AI Agents: attribution gap"],
            },
            Self::DormantPrincipal | Self::LeaverUsed | Self::OwnerMissing => {
                Anchors { nist: &["AC-2(3)"], owasp: &["NHI1"], attack: &["T1078"], ..none }
            }
            Self::OddPort => {
                Anchors { attack: &["T1571"], other: &["Zero Trust for AI Agents: friction list"], ..none }
            }
            Self::OpaqueAgentPath => Anchors { nist: &["AU-5"], atlas: &["AML.M0024"], ..none },
            Self::ObserverBlind => Anchors {
                nist: &["AU-5"],
                atlas: &["AML.M0024"],
                other: &["Zero Trust for AI Agents: coverage"],
                ..none
            },
        }
    }
}
