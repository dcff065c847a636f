//! The state of a finding, worked out from evidence and decisions.

use jiff::{SignedDuration, Timestamp};

use super::{Decision, Finding, TurnKind, Verb};

/// Where a finding stands (requirements 3.9).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// Nobody has looked at it; `expired` after an accepted risk ran out.
    New {
        /// An accepted risk ran out.
        expired: bool,
    },
    /// Somebody looks at it.
    Acknowledged,
    /// The risk is taken until `expires`.
    AcceptedRisk {
        /// Who answers for it.
        owner: String,
        /// Why.
        reason: String,
        /// Until when.
        expires: Timestamp,
    },
    /// Positive evidence ended it.
    Resolved,
    /// It came back, or became weaker, after somebody had dealt with it.
    Reopened,
}

impl State {
    /// As exported.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::New { .. } => "new",
            Self::Acknowledged => "acknowledged",
            Self::AcceptedRisk { .. } => "accepted-risk",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
        }
    }

    /// True while it asks for somebody's attention.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::New { .. } | Self::Acknowledged | Self::Reopened => true,
            Self::AcceptedRisk { .. } | Self::Resolved => false,
        }
    }
}

/// Who brought a transition about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// Evidence.
    Observer,
    /// An operator.
    Operator(String),
    /// Time: an accepted risk ran out.
    Time,
}

impl Who {
    /// As shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Observer => "observer",
            Self::Operator(name) => name,
            Self::Time => "time",
        }
    }
}

/// One change of state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transition {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: Who,
    /// Into which state.
    pub to: State,
    /// Why.
    pub why: String,
}

/// A finding's state, and how it came to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Life {
    /// Now.
    pub state: State,
    /// No evidence of it for longer than the limit. That resolves nothing.
    pub stale: bool,
    /// Every change, oldest first; the first is its discovery.
    pub transitions: Vec<Transition>,
}

/// The state of `finding` at `now`, after `decisions` about it in any order. `stale_after`: silence after which it is
/// stale.
#[must_use]
pub fn life(finding: &Finding, decisions: &[Decision], now: Timestamp, stale_after: SignedDuration) -> Life {
    let mut life = Life {
        state: State::New { expired: false },
        stale: false,
        transitions: vec![Transition {
            at: finding.first,
            who: Who::Observer,
            to: State::New { expired: false },
            why: finding.says.clone(),
        }],
    };
    let mut turns = finding.turns.iter().filter(|turn| turn.at <= now).collect::<Vec<_>>();
    turns.sort_by_key(|turn| turn.at);
    let mut own = decisions
        .iter()
        .filter(|it| it.finding == finding.id && it.at <= now && it.at >= finding.first)
        .collect::<Vec<_>>();
    own.sort_by_key(|it| it.at);
    let (mut turns, mut own) = (turns.into_iter().peekable(), own.into_iter().peekable());
    loop {
        // Evidence of the same moment comes first: who decided knew of it.
        let turn_first = match (turns.peek(), own.peek()) {
            (None, None) => break,
            (Some(turn), Some(decision)) => turn.at <= decision.at,
            (Some(_), None) => true,
            (None, Some(_)) => false,
        };
        if turn_first && let Some(turn) = turns.next() {
            life.expire(turn.at);
            let to = match (turn.kind, &life.state) {
                (TurnKind::Ended, State::Resolved) => None,
                (TurnKind::Ended, _) => Some(State::Resolved),
                (TurnKind::Weaker, State::New { .. } | State::Reopened) => None,
                (TurnKind::Weaker, _) => Some(State::Reopened),
                (TurnKind::Again, State::Resolved) => Some(State::Reopened),
                (TurnKind::Again, _) => None,
            };
            life.go(turn.at, Who::Observer, to, &turn.why);
        } else if let Some(decision) = own.next() {
            life.expire(decision.at);
            let (to, why) = match (&decision.verb, &life.state) {
                (Verb::Acknowledge, State::New { .. } | State::Reopened) => {
                    (Some(State::Acknowledged), String::new())
                }
                (Verb::Accept { owner, reason, expires }, state)
                    if *state != State::Resolved && *expires > decision.at =>
                {
                    let (owner, why) = (owner.clone(), reason.clone());
                    (Some(State::AcceptedRisk { owner, reason: why.clone(), expires: *expires }), why)
                }
                // Evidence has resolved it already, or nothing has.
                (Verb::Acknowledge | Verb::Accept { .. } | Verb::Resolve, _) => (None, String::new()),
            };
            life.go(decision.at, Who::Operator(decision.by.clone()), to, &why);
        }
    }
    life.expire(now);
    life.stale = life.state != State::Resolved && now.duration_since(finding.last) > stale_after;
    life
}

impl Life {
    fn go(&mut self, at: Timestamp, who: Who, to: Option<State>, why: &str) {
        if let Some(to) = to {
            self.state = to.clone();
            self.transitions.push(Transition { at, who, to, why: why.to_owned() });
        }
    }

    fn expire(&mut self, now: Timestamp) {
        if let State::AcceptedRisk { expires, .. } = &self.state
            && *expires <= now
        {
            let at = *expires;
            self.go(at, Who::Time, Some(State::New { expired: true }), "the accepted risk ran out");
        }
    }
}
