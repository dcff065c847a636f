//! The contract's words for the core's values, and back.

use jiff::Timestamp;
use tierzero_core::evidence::{CredentialKind, Level, PrincipalKind, Source};
use tierzero_core::graph::routes::{BridgeKind, ContainmentState, Hardness};
use tierzero_core::graph::{
    AgentStatus, Boundary, EdgeEnds, Expiry, HopStrength, Lifetime, ListenerClass, StandingScope, Transport,
    WrapState,
};
use tierzero_core::verdict::{Check, Revision, Served, Strength, Verdict};

/// A value with a fixed word for each of its cases.
pub(crate) trait Word: Copy + Sized + 'static {
    /// Every case.
    const ALL: &'static [Self];
    /// The word.
    fn word(self) -> &'static str;
    /// The case with that word.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|case| case.word() == word)
    }
}

/// The match is exhaustive, so a new case in the core is a compile error here.
macro_rules! words {
    ($type:ident { $($case:ident = $word:literal),+ $(,)? }) => {
        impl Word for $type {
            const ALL: &'static [Self] = &[$(Self::$case),+];
            fn word(self) -> &'static str {
                match self {
                    $(Self::$case => $word),+
                }
            }
        }
    };
}

words!(Verdict {
    Refused = "refused",
    LocationTrusted = "location-trusted",
    Opaque = "opaque",
    Unproven = "unproven",
    SecretChecked = "secret-checked",
    IdentityChecked = "identity-checked",
    Public = "public",
});
words!(Check {
    None = "none",
    Address = "address",
    Claimed = "claimed",
    Secret = "secret",
    Token = "token",
    Key = "key",
    Kernel = "kernel",
    Opaque = "opaque",
    Public = "public",
});
words!(Strength { Declared = "declared", Presented = "presented", Demanded = "demanded", Enforced = "enforced" });
words!(Served { Yes = "yes", No = "no", Unknown = "unknown" });
words!(Transport { Tcp = "tcp", Udp = "udp", Unix = "unix" });
words!(EdgeEnds { Both = "both", CallerOnly = "caller-only", ReceiverOnly = "receiver-only" });
words!(ListenerClass { Legacy = "legacy", Transitional = "transitional", Modern = "modern", Unknown = "unknown" });
words!(AgentStatus { No = "no", Declared = "declared", Inherited = "inherited", Suspected = "suspected" });
words!(Boundary {
    Systemd = "systemd",
    Sudo = "sudo",
    Su = "su",
    Doas = "doas",
    Pkexec = "pkexec",
    Cron = "cron",
    At = "at"
});
words!(BridgeKind {
    Direct = "direct",
    Lineage = "lineage",
    Transit = "transit",
    Tunnel = "tunnel",
    GoAround = "go-around",
    Local = "local",
});
words!(Hardness { Hard = "hard", Soft = "soft", Suspected = "suspected" });
words!(HopStrength { Reachable = "reachable", Correlated = "correlated", Attributed = "attributed" });
words!(ContainmentState { Contained = "contained", Bridged = "bridged", NotProven = "not-proven" });
words!(WrapState { Sealed = "sealed", Leaky = "leaky", Bypassed = "bypassed" });
words!(StandingScope {
    Loopback = "loopback",
    Network = "network",
    SocketFile = "socket-file",
    AbstractName = "abstract-name",
});
words!(Level { Observed = "observed", Inferred = "inferred", Declared = "declared" });
words!(Source { Wire = "wire", Kernel = "kernel", Uprobe = "uprobe", Declared = "declared" });
words!(CredentialKind {
    Password = "password",
    ApiKey = "api-key",
    Bearer = "bearer",
    Jwt = "jwt",
    X509 = "x509",
    Cookie = "cookie",
    Signature = "signature",
    Ticket = "ticket",
});
words!(Lifetime {
    Nothing = "nothing",
    QuarterHour = "15m",
    Hour = "1h",
    Day = "24h",
    Longer = "longer",
    Endless = "none",
    Unknown = "unknown",
});
words!(Expiry { Accepted = "accepted", Enforced = "enforced", NotSeen = "not-seen" });
words!(Revision {
    Flow = "flow",
    ServedWithoutProof = "served-without-proof",
    DeclinedAndServed = "declined-and-served",
    RefusedWithoutProof = "refused-without-proof",
    RefusedWrongProof = "refused-wrong-proof",
    RefusedByKernel = "refused-by-kernel",
    RefusedPlace = "refused-place",
});
words!(PrincipalKind {
    Role = "role",
    User = "user",
    Uid = "uid",
    Subject = "subject",
    SpiffeId = "spiffe-id",
    JwtSubject = "jwt-subject",
});

/// RFC 3339 in UTC with nine digits of a second: fixed width, and nothing of the time is lost.
pub(crate) fn time(at: Timestamp) -> String {
    format!("{at:.9}")
}
