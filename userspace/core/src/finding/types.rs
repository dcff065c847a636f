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

impl std::str::FromStr for FindingType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|it| it.as_str() == text).ok_or(())
    }
}
