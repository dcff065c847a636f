//! One flow and its ends.

use jiff::Timestamp;

use crate::event::{Addresses, Role, SocketFile};
use crate::evidence::Conversation;
use crate::graph::Transport;
use crate::id::{EndKey, Netns, ProcessKey};
use crate::verdict::{Contrast, FlowClass, Late, Ledger, Reach, Setting};

/// One end of a flow on this host.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) key: EndKey,
    /// Where; `None` for Unix sockets.
    pub(crate) at: Option<Addresses>,
    pub(crate) process: Option<ProcessKey>,
    pub(crate) sent: Option<u64>,
    pub(crate) received: Option<u64>,
    pub(crate) released: bool,
}

impl End {
    pub(crate) fn new(key: EndKey, at: Option<Addresses>, process: Option<ProcessKey>) -> Self {
        Self { key, at, process, sent: None, received: None, released: false }
    }
}

/// What is known of a Unix flow beside its ends.
#[derive(Clone, Debug)]
pub(crate) struct UnixCall {
    pub(crate) path: String,
    pub(crate) netns: Netns,
    pub(crate) file: Option<SocketFile>,
    pub(crate) listener_pid: Option<u32>,
}

impl UnixCall {
    /// True when the file's mode lets just one user write (and root, whom no mode stops). Linux checks write
    /// permission on connect (unix(7)).
    pub(crate) fn single_user(&self) -> bool {
        !self.path.starts_with('@') && self.file.is_some_and(|file| file.mode & 0o022 == 0)
    }

    /// True when more than one user can call, as far as the socket itself decides.
    fn many(&self) -> bool {
        self.path.starts_with('@') || self.file.is_some_and(|file| file.mode & 0o022 != 0)
    }
}

/// How a flow ended that was never established.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NeverOpen {
    /// Refused by the network or the kernel.
    Refused,
    /// No answer, given up, another error: silence is no refusal.
    Unanswered,
}

/// The edge a flow counts for, and as what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attached {
    pub(crate) edge: u32,
    pub(crate) listener: u32,
    pub(crate) caller: u32,
    /// The caller descends from an agent's root process.
    pub(crate) descendant: bool,
    pub(crate) class: Option<FlowClass>,
}

/// How far a responder's TLS library told what is inside a flow.
#[derive(Debug)]
pub(crate) enum Inside {
    /// Nothing was told about the caller: what is inside could not be judged.
    Untold,
    /// It is listened to.
    Heard(Box<Conversation>),
    /// Further bytes change nothing.
    Over,
}

/// Who spoke last on a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spoke {
    pub(crate) who: Role,
    pub(crate) at: Timestamp,
    /// Nothing further is captured.
    pub(crate) last: bool,
}

/// One flow.
#[derive(Debug)]
pub(crate) struct FlowState {
    pub(crate) number: u64,
    pub(crate) transport: Transport,
    pub(crate) originator: Option<End>,
    pub(crate) responder: Option<End>,
    pub(crate) unix: Option<Box<UnixCall>>,
    /// Some receiver process asked the kernel who is calling.
    pub(crate) looked: bool,
    pub(crate) joined_late: bool,
    /// The ends were joined by a guess.
    pub(crate) inferred: bool,
    pub(crate) never_open: Option<NeverOpen>,
    /// It waited long enough for what might still have come.
    pub(crate) waited: bool,
    pub(crate) over: bool,
    /// In the queue of flows that are about to be forgotten.
    pub(crate) closing: bool,
    pub(crate) ledger: Option<Box<Ledger>>,
    pub(crate) conversation: Option<Box<Conversation>>,
    /// What is inside TLS, as the responder's library tells it.
    pub(crate) inside: Inside,
    /// Further payload changes nothing.
    pub(crate) heard_enough: bool,
    /// What it showed about its listener before that was known.
    pub(crate) owed: Option<Box<Contrast>>,
    /// The end whose payload is listened to.
    pub(crate) heard_at: Option<Role>,
    /// Who spoke last, by its payload.
    pub(crate) spoke: Option<Spoke>,
    pub(crate) attached: Option<Attached>,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// Last event that was not about its payload.
    pub(crate) stirred: Timestamp,
    /// There was no room for its edge: not tried again.
    pub(crate) unplaced: bool,
}

impl FlowState {
    pub(crate) fn new(number: u64, transport: Transport, at: Timestamp) -> Self {
        Self {
            number,
            transport,
            originator: None,
            responder: None,
            unix: None,
            looked: false,
            joined_late: false,
            inferred: false,
            never_open: None,
            waited: false,
            over: false,
            closing: false,
            ledger: None,
            conversation: None,
            inside: Inside::Untold,
            heard_enough: false,
            owed: None,
            heard_at: None,
            spoke: None,
            attached: None,
            first: at,
            last: at,
            stirred: at,
            unplaced: false,
        }
    }

    pub(crate) fn end(&self, role: Role) -> Option<&End> {
        match role {
            Role::Originator => self.originator.as_ref(),
            Role::Responder => self.responder.as_ref(),
        }
    }

    pub(crate) fn end_slot(&mut self, role: Role) -> &mut Option<End> {
        match role {
            Role::Originator => &mut self.originator,
            Role::Responder => &mut self.responder,
        }
    }

    pub(crate) fn end_mut(&mut self, key: EndKey) -> Option<&mut End> {
        [self.originator.as_mut(), self.responder.as_mut()].into_iter().flatten().find(|end| end.key == key)
    }

    /// The role of the end with this key.
    pub(crate) fn role_of(&self, key: EndKey) -> Option<Role> {
        if self.responder.as_ref().is_some_and(|end| end.key == key) {
            Some(Role::Responder)
        } else if self.originator.as_ref().is_some_and(|end| end.key == key) {
            Some(Role::Originator)
        } else {
            None
        }
    }

    pub(crate) fn seen_at(&mut self, at: Timestamp) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
        self.stirred = self.stirred.max(at);
    }

    /// Its payload showed something. That does not count as stirring: in a replay it stands elsewhere among events.
    pub(crate) fn shown_at(&mut self, at: Timestamp) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }

    /// Payload bytes that the originator and the responder sent, each as the better informed end counted.
    pub(crate) fn bytes(&self) -> (Option<u64>, Option<u64>) {
        let of = |end: &Option<End>| end.as_ref().map_or((None, None), |it| (it.sent, it.received));
        let ((o_sent, o_received), (r_sent, r_received)) = (of(&self.originator), of(&self.responder));
        (o_sent.max(r_received), r_sent.max(o_received))
    }

    /// The facts that go with the ledger.
    pub(crate) fn setting(&self) -> Setting {
        let (sent, received) = self.bytes();
        let vouched = match &self.unix {
            _ if self.looked => Some(true),
            Some(unix) if unix.single_user() => Some(false),
            Some(_) | None => None,
        };
        let unix = self.unix.as_ref().map(|unix| {
            // Only where the receiver's own calls were seen does their absence say anything.
            let visible = self.responder.as_ref().is_some_and(|end| end.process.is_some());
            if unix.many() && visible { Reach::Many } else { Reach::Unknown }
        });
        Setting {
            late: match (self.joined_late, self.over) {
                (false, _) => Late::No,
                (true, false) => Late::Open,
                (true, true) => Late::Over,
            },
            over: self.over,
            silent: sent == Some(0) && received == Some(0),
            vouched,
            unix,
            answered: received.is_some_and(|it| it > 0) || self.heard_answer(),
        }
    }

    fn heard_answer(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.answered())
    }

    /// What the flow comes to at present.
    pub(crate) fn class(&self) -> Option<FlowClass> {
        use crate::verdict::{Check, Outcome};
        match self.never_open {
            Some(NeverOpen::Refused) => return Some(FlowClass::new(Outcome::Refused, Check::Opaque)),
            Some(NeverOpen::Unanswered) => return Some(FlowClass::new(Outcome::Idle, Check::Opaque)),
            None => {}
        }
        match &self.ledger {
            Some(ledger) => ledger.class(&self.setting()),
            None => Ledger::default().class(&self.setting()),
        }
    }
}
