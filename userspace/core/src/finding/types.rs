//! The types of finding.

use serde::{Deserialize, Serialize};

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident $text:literal $version:literal,)*) => {
        /// Type of a finding (requirements 2.3).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum FindingType {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl FindingType {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As exported.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Rule id and version: the version rises when the meaning changes.
            #[must_use]
            pub fn rule(self) -> &'static str {
                match self { $(Self::$name => concat!("finding.", $text, "/", $version),)* }
            }
        }
    };
}

types! {
    /// A listener served callers for no reason other than where they sit.
    LocationTrust "location-trust" "1",
    /// An agent itself was served so.
    BridgeDirect "bridge-direct" "1",
    /// A descendant of an agent was served so.
    BridgeLineage "bridge-lineage" "1",
    /// An agent reaches such a listener through others.
    BridgeTransit "bridge-transit" "1",
    /// The same through a relay of bytes.
    BridgeTunnel "bridge-tunnel" "1",
    /// An agent was served for a static secret.
    BridgeSecret "bridge-secret" "1",
    /// An agent's own listener serves callers without proof.
    AgentOpen "agent-open" "1",
    /// An intermediary hands on the credential that it was called with.
    TokenPassthrough "token-passthrough" "1",
    /// A credential is shown to a listener that serves the same without.
    DecorativeCredential "decorative-credential" "1",
    /// A wrapped backend has room for others who would be served.
    WrapLeaky "wrap-leaky" "1",
    /// A wrapped backend served somebody else than its wrap.
    WrapBypass "wrap-bypass" "1",
    /// A caller that is not on its listener's list.
    UnlistedCaller "unlisted-caller" "1",
    /// An edge that no one has claimed.
    UnmappedEdge "unmapped-edge" "1",
    /// The same secret without an end was in use for long.
    StaticSecret "static-secret" "1",
    /// A static secret took another's place.
    RotatedNotExpiring "rotated-not-expiring" "1",
    /// The secret seen on the wire is readable in a file.
    SecretInFile "secret-in-file" "1",
    /// A secret that can be used again crossed the wire as it is.
    CleartextSecret "cleartext-secret" "1",
    /// A secret that anyone would try first was taken.
    DefaultCredential "default-credential" "1",
    /// One principal, or one secret, in the hands of several workloads.
    SharedPrincipal "shared-principal" "1",
    /// A verified principal that was not seen for long.
    DormantPrincipal "dormant-principal" "1",
    /// A principal that was marked as gone was used.
    LeaverUsed "leaver-used" "1",
    /// A principal without an owner.
    OwnerMissing "owner-missing" "1",
    /// An open listener away from its protocol's ports.
    OddPort "odd-port" "1",
    /// What an agent was asked for can't be read.
    OpaqueAgentPath "opaque-agent-path" "1",
    /// The observer itself did not see everything.
    ObserverBlind "observer-blind" "1",
}

impl FindingType {
    /// What ends it, in one sentence: only that resolves it.
    #[must_use]
    pub fn ends_when(self) -> &'static str {
        match self {
            Self::LocationTrust
            | Self::BridgeDirect
            | Self::BridgeLineage
            | Self::AgentOpen
            | Self::DecorativeCredential => {
                "every caller that was served so is seen refused for lack of proof, or served for a proof that was asked for"
            }
            Self::OpaqueAgentPath => "what was asked of the agent is seen in a form that can be read",
            Self::DormantPrincipal => "the principal is seen again",
            Self::UnlistedCaller => "the caller is seen refused, or the operator puts it on the list",
            Self::UnmappedEdge => "the operator's lists name owners of both ends, or the caller",
            Self::OwnerMissing => "the operator's list of owners names it",
            Self::BridgeTransit | Self::BridgeTunnel => {
                "who serves at its end is seen to ask each of its callers for proof, or no way is seen to lead there"
            }
            Self::BridgeSecret
            | Self::TokenPassthrough
            | Self::WrapLeaky
            | Self::WrapBypass
            | Self::StaticSecret
            | Self::RotatedNotExpiring
            | Self::SecretInFile
            | Self::CleartextSecret
            | Self::DefaultCredential
            | Self::SharedPrincipal
            | Self::LeaverUsed
            | Self::OddPort
            | Self::ObserverBlind => "no observation of this version ends it: accept the risk, with an end",
        }
    }

    /// True where a caller that was served so, and then asked for proof, shows its end.
    pub(crate) fn ends_by_demand(self) -> bool {
        matches!(
            self,
            Self::LocationTrust
                | Self::BridgeDirect
                | Self::BridgeLineage
                | Self::AgentOpen
                | Self::DecorativeCredential
        )
    }

    /// In one sentence, without names.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::LocationTrust => "A listener served callers with no proof of identity observed.",
            Self::BridgeDirect => "An agent was served with no proof of identity that the listener needs.",
            Self::BridgeLineage => {
                "A descendant of an agent was served with no proof of identity that the listener needs."
            }
            Self::BridgeTransit => "An agent reaches a location-trusted listener through others.",
            Self::BridgeTunnel => "An agent reaches a location-trusted listener through a relay of bytes.",
            Self::BridgeSecret => "An agent was served for a shared secret.",
            Self::AgentOpen => {
                "A listener that serves agents served callers with no proof of identity observed."
            }
            Self::TokenPassthrough => "An intermediary hands on the credential that it was called with.",
            Self::DecorativeCredential => {
                "A listener is shown credentials, and serves the same to callers without any."
            }
            Self::WrapLeaky => "Others stand where the backend behind a proxy would serve them.",
            Self::WrapBypass => "The backend behind a proxy served somebody else than the proxy.",
            Self::UnlistedCaller => "A caller that is not on the listener's list was served.",
            Self::UnmappedEdge => "Nobody has claimed this edge.",
            Self::StaticSecret => "The same secret without an end was in use for long.",
            Self::RotatedNotExpiring => "A secret without an end took the place of another.",
            Self::SecretInFile => "A secret seen on the wire is readable in a file.",
            Self::CleartextSecret => "A secret that can be used again crossed the wire as it is.",
            Self::DefaultCredential => "A password that anyone would try first was not refused.",
            Self::SharedPrincipal => "One principal or secret is used by several workloads.",
            Self::DormantPrincipal => "A verified principal was not seen for long.",
            Self::LeaverUsed => "A principal that was marked as gone was used.",
            Self::OwnerMissing => "A principal has no owner.",
            Self::OddPort => "A listener that checks nothing stands away from its protocol's ports.",
            Self::OpaqueAgentPath => "What a listener checked of an agent could not be read.",
            Self::ObserverBlind => "The observer did not see everything.",
        }
    }
}

impl std::str::FromStr for FindingType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|it| it.as_str() == text).ok_or(())
    }
}
