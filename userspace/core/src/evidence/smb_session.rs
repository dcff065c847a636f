//! SMB's sessions: who proved what for which of them, and what was opened in those for which nothing was proved.
//!
//! Several sessions share a connection; messages name theirs by number. A session that was opened by a proof is served
//! from then on; for one that was not, only shares other than `IPC$`, files and pipes count.

use std::collections::{BTreeMap, VecDeque};

use super::dissector::{Next, Notes};
use super::gss_token::{self, Presented};
use super::sasl;
use super::smb_rules as rule;
use super::{Hidden, Operation, Proof, Refusal, Rule, Shown};

/// Most sessions that are told apart.
const SESSIONS: usize = 256;
/// Most set-ups and connects that wait for their answer.
const WAITING: usize = 64;
/// Most decisions that are reported one by one.
const DECISIONS: u32 = 64;

/// What a caller presents, under its rule.
pub(crate) type Offer = (&'static Rule, Shown);

/// A request whose answer is judged with it.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A leg of a session set-up, and what it presents.
    Setup(Option<Offer>),
    /// A connection to a share, and the share's password if one was sent.
    Tree(Option<Offer>),
}

/// How the receiver answered, in the terms of both versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    Success,
    /// A further leg is wanted.
    More,
    /// The real answer comes later.
    Pending,
    /// Name or password are wrong.
    Wrong,
    /// Workstation or time are wrong.
    Place,
    /// Access is denied.
    Denied,
    Other,
}

impl Status {
    /// By the NTSTATUS that stands in the header (MS-ERREF 2.3.1).
    pub(crate) fn from_nt(status: u32) -> Self {
        match status {
            0 => Self::Success,
            0xc000_0016 => Self::More,
            0x103 => Self::Pending,
            // NO_SUCH_USER, WRONG_PASSWORD, LOGON_FAILURE.
            0xc000_0064 | 0xc000_006a | 0xc000_006d => Self::Wrong,
            // INVALID_LOGON_HOURS, INVALID_WORKSTATION.
            0xc000_006f | 0xc000_0070 => Self::Place,
            // ACCESS_DENIED, NETWORK_ACCESS_DENIED, ACCOUNT_RESTRICTION, PASSWORD_EXPIRED, ACCOUNT_DISABLED,
            // LOGON_NOT_GRANTED, LOGON_TYPE_NOT_GRANTED, ACCOUNT_EXPIRED, PASSWORD_MUST_CHANGE, ACCOUNT_LOCKED_OUT.
            0xc000_0022 | 0xc000_00ca | 0xc000_006e | 0xc000_0071 | 0xc000_0072 | 0xc000_0155
            | 0xc000_015b | 0xc000_0193 | 0xc000_0224 | 0xc000_0234 => Self::Denied,
            // A warning or a piece of news (severity 0 and 1) is no failure, nor is BUFFER_OVERFLOW.
            status if status >> 30 != 3 => Self::Success,
            _ => Self::Other,
        }
    }

    /// By the class and code of old receivers (MS-CIFS 2.2.2.4).
    pub(crate) fn from_dos(class: u8, code: u16) -> Self {
        match (class, code) {
            (0, _) => Self::Success,
            // ERRSRV: ERRbadpw, ERRaccess, ERRinvnetname is none of them.
            (2, 2) => Self::Wrong,
            (1, 5) | (2, 4) => Self::Denied,
            _ => Self::Other,
        }
    }
}

/// What stands for a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// Not decided, or not seen.
    Unknown,
    Proved,
    /// A guest's, nobody's, or a name without proof.
    Unproved,
}

#[derive(Debug)]
struct Session {
    offer: Option<Offer>,
    standing: Standing,
    served: bool,
    denied: bool,
}

impl Session {
    fn new(offer: Option<Offer>) -> Self {
        Self { offer, standing: Standing::Unknown, served: false, denied: false }
    }
}

/// All sessions of a connection.
#[derive(Debug)]
pub(crate) struct Sessions {
    /// False where the receiver asks for passwords by share (MS-CIFS 2.2.4.52.2, NEGOTIATE_USER_SECURITY).
    pub(crate) user_level: bool,
    /// False where passwords are sent in clear (NEGOTIATE_ENCRYPT_PASSWORDS).
    pub(crate) challenges: bool,
    known: BTreeMap<u64, Session>,
    waiting: VecDeque<(u64, Asked)>,
    /// The session whose offer was said last.
    current: Option<u64>,
    demanded: Vec<Proof>,
    decisions: u32,
    share: bool,
    hidden: bool,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            user_level: true,
            challenges: true,
            known: BTreeMap::new(),
            waiting: VecDeque::new(),
            current: None,
            demanded: Vec::new(),
            decisions: 0,
            share: false,
            hidden: false,
        }
    }
}

/// What a set-up's token presents.
pub(crate) fn token_offer(token: &[u8]) -> Option<Offer> {
    let presented = gss_token::presented(token)?;
    let rule: &'static Rule = match presented {
        Presented::Nobody => &rule::NOBODY,
        Presented::Answer { .. } => &rule::ANSWERED,
        Presented::Ticket => &rule::TICKET,
    };
    Some((rule, presented.offer()))
}

fn proof_of(offer: Option<&Offer>) -> Proof {
    match offer {
        Some((_, Shown::Offers { proof, .. })) => *proof,
        Some(_) | None => Proof::Claim,
    }
}

impl Sessions {
    /// What a name and an old-style password offer; `challenged` is false for a password in clear.
    pub(crate) fn plain_offer(&self, name: &[u8], password: &[u8], notes: &Notes<'_>) -> Offer {
        let empty = password.iter().all(|byte| *byte == 0) && password.len() < 16;
        if empty || self.user_level && name.is_empty() {
            (&rule::NOBODY, sasl::name_offer(name))
        } else if self.challenges {
            (&rule::ANSWERED, sasl::challenge_offer(name))
        } else {
            let end = password.iter().rposition(|byte| *byte != 0).map_or(0, |at| at.saturating_add(1));
            let password = password.get(..end).unwrap_or_default();
            sasl::password_offer(&rule::PASSWORD, name, password, notes)
        }
    }

    /// A request that waits for its answer.
    pub(crate) fn ask(&mut self, id: u64, asked: Asked) -> Next {
        if self.waiting.len() >= WAITING {
            return Next::Lost(Hidden::Truncated);
        }
        self.waiting.push_back((id, asked));
        Next::More
    }

    /// True when a request of this number waits.
    pub(crate) fn waits(&self, id: u64) -> bool {
        self.waiting.iter().any(|(known, _)| *known == id)
    }

    fn answered(&mut self, id: u64, setup: bool) -> Option<Option<Offer>> {
        let at = self
            .waiting
            .iter()
            .position(|(known, asked)| *known == id && matches!(asked, Asked::Setup(_)) == setup)?;
        let (_, Asked::Setup(offer) | Asked::Tree(offer)) = self.waiting.remove(at)?;
        Some(offer)
    }

    /// A set-up was answered; `guest` when the answer says that the session is a guest's or nobody's.
    pub(crate) fn setup(
        &mut self,
        id: u64,
        session: u64,
        status: Status,
        guest: bool,
        notes: &mut Notes<'_>,
    ) {
        if status == Status::Pending {
            return;
        }
        let Some(sent) = self.answered(id, true) else { return };
        let earlier = self.known.get_mut(&session).and_then(|known| known.offer.take());
        let offer = sent.or(earlier);
        if status == Status::More {
            if self.known.len() < SESSIONS || self.known.contains_key(&session) {
                self.known.entry(session).or_insert_with(|| Session::new(None)).offer = offer;
            }
            return;
        }
        self.decisions = self.decisions.saturating_add(1);
        if self.decisions > DECISIONS && status != Status::Success {
            return;
        }
        let proof = proof_of(offer.as_ref());
        if !self.user_level {
            // The name is not looked at: passwords belong to shares.
            return;
        }
        let wanted = if proof == Proof::Key { Proof::Key } else { Proof::Secret };
        if !self.demanded.contains(&wanted) {
            self.demanded.push(wanted);
            notes.say(&rule::DEMANDED, Shown::Demands { proof: wanted });
        }
        self.current = Some(session);
        let unknown = offer.is_none();
        if let Some((by, shown)) = offer {
            notes.say(by, shown);
        }
        if status == Status::Success {
            self.opened(session, proof, guest, unknown, notes);
        } else {
            refused(status, proof, notes);
        }
    }

    fn opened(&mut self, session: u64, proof: Proof, guest: bool, unknown: bool, notes: &mut Notes<'_>) {
        let standing = if guest {
            notes.say(&rule::GUEST, Shown::Ignores);
            Standing::Unproved
        } else if unknown {
            notes.say(&rule::UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
            Standing::Unknown
        } else if proof == Proof::Claim {
            Standing::Unproved
        } else {
            notes.say(&rule::ACCEPTED, Shown::Accepts);
            notes.say(&rule::OPENED, Shown::Serves { operation: Operation::Service });
            Standing::Proved
        };
        if standing == Standing::Unproved {
            notes.say(&rule::PUBLIC, Shown::Serves { operation: Operation::Public });
        }
        if self.known.len() < SESSIONS || self.known.contains_key(&session) {
            self.known.insert(session, Session { standing, ..Session::new(None) });
        }
    }

    /// A connection to a share was answered; `ipc` for the share that holds pipes and no files.
    pub(crate) fn tree(&mut self, id: u64, session: u64, status: Status, ipc: bool, notes: &mut Notes<'_>) {
        if status == Status::Pending {
            return;
        }
        let offer = self.answered(id, false).flatten();
        if self.user_level {
            if status != Status::Success || !ipc {
                self.operation(session, status, notes);
            }
            return;
        }
        self.decisions = self.decisions.saturating_add(1);
        if self.decisions > DECISIONS {
            return;
        }
        let proof = proof_of(offer.as_ref());
        if let Some((by, shown)) = offer {
            notes.say(by, shown);
        }
        match status {
            Status::Success if proof != Proof::Claim => {
                notes.say(&rule::ACCEPTED, Shown::Accepts);
                notes.say(&rule::SHARE, Shown::Serves { operation: Operation::Service });
            }
            Status::Success if ipc => {
                notes.say(&rule::PUBLIC, Shown::Serves { operation: Operation::Public });
            }
            Status::Success => notes.say(&rule::SHARE, Shown::Serves { operation: Operation::Service }),
            Status::Wrong | Status::Denied => {
                let status = if proof == Proof::Claim { Status::Denied } else { Status::Wrong };
                refused(status, proof, notes);
            }
            Status::More | Status::Pending | Status::Place | Status::Other => {}
        }
    }

    /// Something was opened in a session, or access was denied.
    pub(crate) fn operation(&mut self, session: u64, status: Status, notes: &mut Notes<'_>) {
        if !self.user_level {
            if status == Status::Success && !std::mem::replace(&mut self.share, true) {
                notes.say(&rule::SHARE, Shown::Serves { operation: Operation::Service });
            }
            return;
        }
        let Some(known) = self.known.get_mut(&session) else { return };
        let proof = match known.standing {
            Standing::Unknown => return,
            Standing::Proved => Proof::Secret,
            Standing::Unproved => Proof::Claim,
        };
        match status {
            Status::Success if proof == Proof::Claim && !std::mem::replace(&mut known.served, true) => {
                if self.current != Some(session) {
                    // Another session was spoken of since.
                    self.current = Some(session);
                    notes.say(&rule::NOBODY, sasl::name_offer(b""));
                }
                notes.say(&rule::SERVED, Shown::Serves { operation: Operation::Service });
            }
            Status::Denied if !std::mem::replace(&mut known.denied, true) => refused(status, proof, notes),
            Status::Success
            | Status::More
            | Status::Pending
            | Status::Wrong
            | Status::Place
            | Status::Denied
            | Status::Other => {}
        }
    }

    /// A message that can't be read; of a session that was proved it hides nothing that matters.
    pub(crate) fn sealed(&mut self, session: Option<u64>, why: Hidden, notes: &mut Notes<'_>) {
        let proved = |known: &Session| known.standing == Standing::Proved;
        let clear = match session {
            Some(session) => self.known.get(&session).is_some_and(proved),
            None => !self.known.is_empty() && self.known.values().all(proved),
        };
        if !clear && !std::mem::replace(&mut self.hidden, true) {
            notes.say(&rule::SEALED, Shown::Hidden { why });
        }
    }

    /// Says what was offered and never decided.
    pub(crate) fn finish(&mut self, notes: &mut Notes<'_>) {
        let waiting =
            self.waiting.drain(..).filter_map(|(_, Asked::Setup(offer) | Asked::Tree(offer))| offer);
        let begun = std::mem::take(&mut self.known).into_values().filter_map(|known| known.offer);
        for (by, shown) in waiting.chain(begun) {
            notes.say(by, shown);
        }
    }
}

/// A refusal, by what was presented.
fn refused(status: Status, proof: Proof, notes: &mut Notes<'_>) {
    let (by, why): (&'static Rule, Refusal) = match (status, proof) {
        (Status::Wrong | Status::Denied, Proof::Claim) => (&rule::MISSING, Refusal::ProofMissing),
        (Status::Wrong, _) => (&rule::WRONG, Refusal::ProofWrong),
        (Status::Denied, _) => (&rule::NOT_ALLOWED, Refusal::NotAllowed),
        (Status::Place, _) => (&rule::PLACE, Refusal::Place),
        (Status::Success | Status::More | Status::Pending | Status::Other, _) => {
            (&rule::REFUSED, Refusal::Other)
        }
    };
    notes.say(by, Shown::Refuses { why });
}
