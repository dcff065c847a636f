//! Which reply answers which ONC RPC call, and what both say together.
//!
//! Sources: RFC 5531 (RPC), RFC 2203 section 5.2.3 (RPCSEC_GSS), RFC 1833 (portmap, rpcbind), RFC 1813 and RFC 7530
//! (NFS), RFC 1813 appendix I (MOUNT), Sun's `yppasswd.x`, `rquota.x` and `nlm_prot.x`.

use super::cursor::Cursor;
use super::dissector::{Next, Notes};
use super::onc_rpc_message::{Call, Credential, Reply, decided, number, opaque, reply};
use super::onc_rpc_rules as rule;
use super::resp::Read;
use super::{
    Credential as Trace, CredentialKind, Hidden, Operation, Principal, Proof, Protocol, Refusal, Rule, Scope,
    Shown,
};

/// Most calls that wait for their replies.
const WAITING: usize = 1024;
/// Most different things that are said of one flow; what is said again shows nothing new.
const SAID: usize = 64;

/// A call that was not answered yet.
#[derive(Debug)]
struct Waiting {
    xid: u32,
    program: u32,
    version: u32,
    procedure: u32,
    credential: Credential,
    /// A password among its arguments.
    password: Option<Trace>,
}

/// What came of one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Pinged,
    Served {
        digest: bool,
    },
    /// The password was right, or wrong.
    Answered {
        right: bool,
    },
    Established,
    Refused(&'static Rule, Refusal),
    /// No reply came.
    Open,
    /// None can be expected.
    OneWay,
}

/// One flow's calls and what was said of them.
#[derive(Default, Debug)]
pub(super) struct Account {
    named: bool,
    waiting: Vec<Waiting>,
    said: Vec<(Credential, bool, End)>,
}

/// The protocol's own name, where it has one here.
fn protocol(program: u32) -> Option<Protocol> {
    Some(match program {
        100_000 => Protocol::Portmap,
        100_003 | 100_227 => Protocol::Nfs,
        100_004 => Protocol::Ypserv,
        100_005 => Protocol::Mount,
        100_011 => Protocol::Rquota,
        100_021 => Protocol::Nlm,
        100_232 => Protocol::Sadmind,
        395_183..=395_185 => Protocol::Vxi11,
        _ => return None,
    })
}

/// Calls that are not answered where they did not succeed (RFC 1833 section 3, `yp.x`), or by a call of the receiver's
/// own (`nlm_prot.x`).
pub(super) fn silent(program: u32, procedure: u32) -> bool {
    matches!((program, procedure), (100_000, 5) | (100_004, 2) | (100_021, 6..=15))
}

impl Account {
    /// Takes a call; `arguments` are not all there where the message was cut.
    pub(super) fn call(&mut self, call: Call, password: Option<Trace>, notes: &mut Notes<'_>) -> Next {
        if let Some(protocol) = protocol(call.program).filter(|_| !self.named) {
            self.named = true;
            notes.say(&rule::PROGRAM, Shown::Speaks { protocol });
        }
        if self.waiting.len() >= WAITING {
            return Next::Lost(Hidden::Unsupported);
        }
        let Call { xid, program, version, procedure, credential } = call;
        self.waiting.push(Waiting { xid, program, version, procedure, credential, password });
        Next::More
    }

    /// True when the call of this transaction was seen and not answered.
    pub(super) fn expects(&self, xid: u32) -> bool {
        self.waiting.iter().any(|call| call.xid == xid)
    }

    /// Takes the reply of a transaction that is expected. `bytes` are the first of `length`.
    pub(super) fn reply(&mut self, xid: u32, bytes: &[u8], length: u64, notes: &mut Notes<'_>) -> Read<Next> {
        let Some(at) = self.waiting.iter().position(|call| call.xid == xid) else { return Read::Broken };
        let end = match self.waiting.get(at).map(|call| decided(end(call, bytes), bytes, length)) {
            Some(Read::Got(end)) => end,
            Some(Read::More) => return Read::More,
            Some(Read::Broken) | None => return Read::Broken,
        };
        let call = self.waiting.remove(at);
        Read::Got(match end {
            Step::Said(end) => {
                self.say(&call, end, notes);
                Next::More
            }
            Step::Nothing => Next::More,
            Step::Tls => Next::Upgraded(super::tls::begin()),
            Step::Unknown => Next::Lost(Hidden::Unsupported),
        })
    }

    /// Says what was offered and never answered. `whole` is true when no message is missing.
    pub(super) fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        for call in std::mem::take(&mut self.waiting) {
            if call.credential == Credential::Other {
                continue;
            }
            let silent = whole && silent(call.program, call.procedure);
            self.say(&call, if silent { End::OneWay } else { End::Open }, notes);
        }
    }

    fn say(&mut self, call: &Waiting, end: End, notes: &mut Notes<'_>) {
        let password = call.password.is_some();
        let same = |(credential, secret, known): &(Credential, bool, End), names: bool| {
            let alike = if names {
                *credential == call.credential
            } else {
                std::mem::discriminant(credential) == std::mem::discriminant(&call.credential)
            };
            alike && *secret == password && *known == end
        };
        // Of flows with many names, what stands for an operation is still said once.
        let full = self.said.len() >= SAID;
        if self.said.iter().any(|known| same(known, !full)) {
            return;
        }
        self.said.push((call.credential.clone(), password, end));
        if let Some((rule, offer)) = offered(call) {
            notes.say(rule, offer);
        }
        let service = Shown::Serves { operation: Operation::Service };
        match end {
            End::Pinged => notes.say(&rule::PINGED, Shown::Serves { operation: Operation::Public }),
            End::Served { digest } => {
                if digest && matches!(call.credential, Credential::Sealed { .. }) {
                    notes.say(&rule::VERIFIED, Shown::Accepts);
                }
                notes.say(&rule::SERVED, service);
            }
            End::Answered { right: true } => {
                notes.say(&rule::PROVED, Shown::Accepts);
                notes.say(&rule::SERVED, service);
            }
            End::Answered { right: false } => {
                notes.say(&rule::DENIED, Shown::Refuses { why: Refusal::ProofWrong });
            }
            End::Established => notes.say(&rule::ESTABLISHED, Shown::Accepts),
            End::Refused(rule, why) => notes.say(rule, Shown::Refuses { why }),
            End::OneWay => notes.say(&rule::ONE_WAY, Shown::SendsOneWay),
            End::Open => {}
        }
    }
}

/// What a reply comes to.
enum Step {
    Said(End),
    Nothing,
    /// What follows is TLS.
    Tls,
    /// Served under a credential that nobody here can read.
    Unknown,
}

fn end(call: &Waiting, bytes: &[u8]) -> Option<Step> {
    let mut results = Cursor(bytes);
    let (digest, tls) = match reply(&mut results)? {
        Reply::Failed => return Some(Step::Said(End::Refused(&rule::FAILED, Refusal::Other))),
        Reply::Denied(_) if call.credential == Credential::AsksForTls => return Some(Step::Nothing),
        Reply::Denied(why) => return Some(Step::Said(denied(&call.credential, why))),
        Reply::Done { digest, tls } => (digest, tls),
    };
    Some(match &call.credential {
        Credential::AsksForTls => {
            if tls {
                Step::Tls
            } else {
                Step::Nothing
            }
        }
        Credential::Ends => Step::Nothing,
        Credential::Context { .. } => {
            // Handle, major status: complete, or to be continued (RFC 2203 section 5.2.3.1).
            opaque(&mut results, 65_536)?;
            match number(&mut results)? {
                0 => Step::Said(End::Established),
                1 => Step::Nothing,
                _ => Step::Said(End::Refused(&rule::CONTEXT_REFUSED, Refusal::ProofWrong)),
            }
        }
        Credential::Nobody
        | Credential::System(_)
        | Credential::Short
        | Credential::DiffieHellman(_)
        | Credential::Sealed { .. }
        | Credential::Other
            if call.procedure == 0 =>
        {
            Step::Said(End::Pinged)
        }
        Credential::Other => Step::Unknown,
        Credential::Sealed { wrapped: true } => Step::Said(End::Served { digest }),
        Credential::Nobody
        | Credential::System(_)
        | Credential::Short
        | Credential::DiffieHellman(_)
        | Credential::Sealed { wrapped: false } => Step::Said(match refused(call, &mut results)? {
            Some(end) => end,
            None if call.password.is_some() => End::Answered { right: true },
            None => End::Served { digest },
        }),
    })
}

/// `auth_stat` (RFC 5531 section 9, RFC 2203 section 5.3.3.3).
fn denied(credential: &Credential, why: u32) -> End {
    let proof = matches!(
        credential,
        Credential::DiffieHellman(_) | Credential::Context { .. } | Credential::Sealed { .. }
    );
    match why {
        5 if !proof => End::Refused(&rule::TOO_WEAK, Refusal::ProofMissing),
        5 => End::Refused(&rule::TOO_WEAK, Refusal::NotAllowed),
        // A name without proof that was not taken: by its value, or by the caller's address.
        _ if !proof => End::Refused(&rule::DENIED, Refusal::Other),
        _ => End::Refused(&rule::DENIED, Refusal::ProofWrong),
    }
}

/// Refusals that the program itself words: `Some(None)` where the call was executed.
fn refused(call: &Waiting, results: &mut Cursor<'_>) -> Option<Option<End>> {
    let end = match (call.program, call.version, call.procedure) {
        // NFS: the first word of all results but of the two that version 2 no longer uses.
        (100_003, 2, 3 | 7) => None,
        (100_003 | 100_227, ..) => match number(results)? {
            1 | 13 => Some(End::Refused(&rule::NOT_ALLOWED, Refusal::NotAllowed)),
            // NFS4ERR_WRONGSEC (RFC 7530 section 13.1.6.2).
            10_016 => Some(End::Refused(&rule::TOO_WEAK, Refusal::ProofMissing)),
            _ => None,
        },
        (100_005, _, 1) => match number(results)? {
            0 => None,
            1 | 13 => Some(End::Refused(&rule::NO_EXPORT, Refusal::Place)),
            _ => Some(End::Refused(&rule::FAILED, Refusal::Other)),
        },
        // rquota: 3 is Q_EPERM.
        (100_011, ..) => {
            (number(results)? == 3).then_some(End::Refused(&rule::NOT_ALLOWED, Refusal::NotAllowed))
        }
        // YPPASSWDPROC_UPDATE: 0 is success.
        (100_009, _, 1) => (number(results)? != 0).then_some(End::Answered { right: false }),
        _ => None,
    };
    Some(end)
}

/// What the caller presented with a call.
fn offered(call: &Waiting) -> Option<(&'static Rule, Shown)> {
    let offer = |proof, principal: Option<&Principal>, credential| Shown::Offers {
        proof,
        scope: Scope::Request,
        principal: principal.cloned(),
        credential,
    };
    let trace = |kind| Some(Trace::of(kind));
    if let Some(password) = &call.password {
        let principal =
            if let Credential::System(principal) = &call.credential { principal.as_ref() } else { None };
        return Some((&rule::PASSWORD, offer(Proof::Secret, principal, Some(password.clone()))));
    }
    Some(match &call.credential {
        Credential::System(principal) => (&rule::SYSTEM, offer(Proof::Claim, principal.as_ref(), None)),
        Credential::Short => (&rule::SHORT, offer(Proof::Claim, None, None)),
        Credential::DiffieHellman(principal) => (
            &rule::DIFFIE_HELLMAN,
            offer(Proof::Secret, principal.as_ref(), trace(CredentialKind::Signature)),
        ),
        Credential::Context { kerberos: true } => {
            (&rule::CONTEXT, offer(Proof::Key, None, trace(CredentialKind::Ticket)))
        }
        Credential::Context { kerberos: false } => {
            (&rule::OTHER_CONTEXT, offer(Proof::Secret, None, trace(CredentialKind::Signature)))
        }
        Credential::Sealed { .. } => {
            (&rule::SEALED, offer(Proof::Key, None, trace(CredentialKind::Signature)))
        }
        Credential::Nobody | Credential::Ends | Credential::AsksForTls | Credential::Other => return None,
    })
}

/// The old password of YPPASSWDPROC_UPDATE: `None` while it is not there, `Some(None)` for any other call.
pub(super) fn password(call: &Call, arguments: &[u8], notes: &Notes<'_>) -> Option<Option<Trace>> {
    if (call.program, call.procedure) != (100_009, 1) {
        return Some(None);
    }
    let old = opaque(&mut Cursor(arguments), 256)?;
    Some(
        (!old.is_empty()).then(|| Trace::clear(CredentialKind::Password, notes.fingerprint("password", old))),
    )
}
