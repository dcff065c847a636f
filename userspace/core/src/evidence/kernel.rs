//! Rules for what the kernel, not the wire, shows about a flow.

use super::dissector::rules;

rules! {
    pub table;
    PEER_CREDENTIALS_READ = "kernel.peer-credentials-read", v 1, Observed, Kernel,
        "The receiver asked the kernel who is calling (SO_PEERCRED) on this socket",
        "Whether it compared the answer with anything";
    PEER_LABEL_READ = "kernel.peer-label-read", v 1, Observed, Kernel,
        "The receiver asked the kernel for the caller's security label (SO_PEERSEC) on this socket",
        "Whether it compared the answer with anything";
    PEER_GROUPS_READ = "kernel.peer-groups-read", v 1, Observed, Kernel,
        "The receiver asked the kernel for the caller's groups (SO_PEERGROUPS) on this socket",
        "Whether it compared the answer with anything";
    PEER_PIDFD_READ = "kernel.peer-pidfd-read", v 1, Observed, Kernel,
        "The receiver asked the kernel for a handle of the calling process (SO_PEERPIDFD) on this socket",
        "Whether it compared the answer with anything";
    CREDENTIALS_PASSED = "kernel.credentials-passed", v 1, Observed, Kernel,
        "The receiver told the kernel to deliver the caller's credentials with each message (SO_PASSCRED)",
        "Whether it compared them with anything";
    SINGLE_UID_SOCKET = "kernel.single-uid-socket", v 1, Observed, Kernel,
        "The socket file's mode lets exactly one uid connect, and this caller has it",
        "The receiver never looked; every process of that uid can call, and so can root";
    JOINED_LATE = "kernel.joined-late", v 1, Observed, Kernel,
        "The connection was open before observation began",
        "Whatever was asked and proved at its start was not seen";
    NO_PAYLOAD = "kernel.no-payload", v 1, Observed, Kernel,
        "The kernel counted no payload, or the observer could not look at it",
        "What the receiver checked, if anything, is not known";
    GAP = "kernel.gap", v 1, Observed, Kernel,
        "Payload records of this connection were lost before they were read",
        "Nothing is known of what was in them";
}

/// The rule for each way in which a receiver asks the kernel who is calling.
#[must_use]
pub fn peer_credential_rule(call: crate::event::PeerCredentialCall) -> &'static super::Rule {
    use crate::event::PeerCredentialCall as Call;
    match call {
        Call::PeerCred => &PEER_CREDENTIALS_READ,
        Call::PeerSec => &PEER_LABEL_READ,
        Call::PeerGroups => &PEER_GROUPS_READ,
        Call::PeerPidfd => &PEER_PIDFD_READ,
        Call::PassCred => &CREDENTIALS_PASSED,
    }
}
