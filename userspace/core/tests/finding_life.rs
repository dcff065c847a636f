//! The state of a finding: what evidence, decisions and time may do to it, and what they may not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tierzero_core::finding::{
    Decision, Finding, FindingType, Life, PINNED, Severity, State, Turn, TurnKind, Verb, Who, life,
};
use tierzero_core::id::FindingId;

const STALE: SignedDuration = SignedDuration::from_secs(500);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn finding(turns: Vec<Turn>) -> Finding {
    Finding {
        id: FindingId::derive(&["a"]),
        kind: FindingType::LocationTrust,
        severity: Severity::Medium,
        subjects: Vec::new(),
        count: 1,
        first: at(0),
        last: at(0),
        edges: Vec::new(),
        callers: Default::default(),
        says: String::new(),
        turns,
    }
}

fn turn(second: i64, kind: TurnKind) -> Turn {
    Turn { at: at(second), kind, why: "why".to_owned() }
}

fn decided(second: i64, verb: Verb) -> Decision {
    Decision { finding: FindingId::derive(&["a"]), at: at(second), by: "ana".to_owned(), verb }
}

fn accept(until: i64) -> Verb {
    Verb::Accept { owner: "ops".to_owned(), reason: "known".to_owned(), expires: at(until) }
}

fn now(finding: &Finding, decisions: &[Decision], second: i64) -> Life {
    life(finding, decisions, at(second), STALE)
}

#[test]
fn from_new_over_accepted_to_expired_and_resolved_each_with_who_when_and_why() {
    let mut it = finding(vec![turn(300, TurnKind::Ended)]);
    let decisions = [decided(10, Verb::Acknowledge), decided(20, accept(80))];
    let states: Vec<_> =
        [5, 15, 25, 80, 310].map(|second| now(&it, &decisions, second).state).into_iter().collect();
    assert_eq!(states[0], State::New { expired: false });
    assert_eq!(states[1], State::Acknowledged);
    assert!(
        matches!(&states[2], State::AcceptedRisk { owner, expires, .. } if owner == "ops" && *expires == at(80))
    );
    assert_eq!(states[3], State::New { expired: true });
    assert_eq!(states[4], State::Resolved);
    let told = now(&it, &decisions, 310).transitions;
    let who: Vec<_> = told.iter().map(|it| (it.at, it.who.as_str())).collect();
    assert_eq!(
        who,
        [(at(0), "observer"), (at(10), "ana"), (at(20), "ana"), (at(80), "time"), (at(300), "observer")]
    );
    assert_eq!(told[2].why, "known");
    it.turns.push(turn(400, TurnKind::Again));
    let life = now(&it, &decisions, 410);
    assert_eq!((life.state, life.transitions.last().unwrap().who.clone()), (State::Reopened, Who::Observer));
}

#[test]
fn weaker_evidence_reopens_what_was_dealt_with() {
    for verb in [Verb::Acknowledge, accept(10_000)] {
        let it = finding(vec![turn(50, TurnKind::Weaker)]);
        assert_eq!(now(&it, &[decided(10, verb)], 60).state, State::Reopened);
    }
    let resolved = finding(vec![turn(20, TurnKind::Ended), turn(50, TurnKind::Weaker)]);
    assert_eq!(now(&resolved, &[], 60).state, State::Reopened);
}

#[test]
fn silence_makes_stale_and_nothing_else() {
    let it = finding(Vec::new());
    let (before, after) = (now(&it, &[], 500), now(&it, &[], 100_000));
    assert_eq!((before.stale, after.stale), (false, true));
    assert_eq!(before.state, after.state);
}

#[test]
fn an_operators_word_resolves_nothing() {
    let it = finding(Vec::new());
    let life = now(&it, &[decided(10, Verb::Resolve)], 20);
    assert_eq!(life.state, State::New { expired: false });
    assert_eq!(life.transitions.len(), 1);
}

#[test]
fn every_type_has_a_name_of_its_own_and_an_anchor() {
    for (index, kind) in FindingType::ALL.iter().enumerate() {
        let anchors = kind.anchors();
        let count = [anchors.nist, anchors.owasp, anchors.attack, anchors.atlas, anchors.other];
        assert!(count.iter().any(|it| !it.is_empty()), "{kind:?}");
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        assert!(kind.rule().starts_with(&format!("finding.{}/", kind.as_str())));
        assert!(FindingType::ALL.iter().skip(index + 1).all(|other| other.as_str() != kind.as_str()));
        assert!(!kind.says().is_empty() && !kind.ends_when().is_empty());
    }
    assert!(PINNED.iter().all(|it| !it.version.is_empty()));
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let kind = prop_oneof![Just(TurnKind::Weaker), Just(TurnKind::Ended), Just(TurnKind::Again)];
    proptest::collection::vec((0_i64..1000, kind), 0..8).prop_map(|mut turns| {
        turns.sort_by_key(|(second, _)| *second);
        turns.into_iter().map(|(second, kind)| turn(second, kind)).collect()
    })
}

fn decisions() -> impl Strategy<Value = Vec<Decision>> {
    let verb = prop_oneof![Just(Verb::Acknowledge), (0_i64..2000).prop_map(accept), Just(Verb::Resolve)];
    let one = (0_i64..1000, verb).prop_map(|(second, verb)| decided(second, verb));
    proptest::collection::vec(one, 0..8)
}

proptest! {
    #[test]
    fn without_positive_evidence_nothing_resolves(turns in turns(), decisions in decisions(), second in 0_i64..5000) {
        let turns = turns.into_iter().filter(|it| it.kind != TurnKind::Ended).collect();
        prop_assert_ne!(now(&finding(turns), &decisions, second).state, State::Resolved);
    }

    #[test]
    fn resolved_means_that_the_last_evidence_ended_it(turns in turns(), decisions in decisions(), second in 0_i64..5000) {
        let it = finding(turns);
        if now(&it, &decisions, second).state == State::Resolved {
            let last = it.turns.iter().rfind(|turn| turn.at <= at(second)).unwrap();
            prop_assert_eq!(last.kind, TurnKind::Ended);
        }
    }

    #[test]
    fn no_accepted_risk_outlives_its_end(turns in turns(), decisions in decisions(), second in 0_i64..5000) {
        if let State::AcceptedRisk { expires, .. } = now(&finding(turns), &decisions, second).state {
            prop_assert!(expires > at(second));
        }
    }

    #[test]
    fn time_alone_ends_an_accepted_risk_and_changes_nothing_else(turns in turns(), decisions in decisions(), more in 0_i64..5000) {
        let it = finding(turns);
        let (then, later) = (now(&it, &decisions, 1000), now(&it, &decisions, 1000 + more));
        if then.state != later.state {
            let accepted = matches!(then.state, State::AcceptedRisk { .. });
            prop_assert!(accepted);
            prop_assert_eq!(&later.state, &State::New { expired: true });
        }
        prop_assert!(!then.stale || later.stale || later.state == State::Resolved);
    }

    #[test]
    fn the_past_stands(turns in turns(), decisions in decisions(), second in 0_i64..2000) {
        let it = finding(turns);
        let (then, later) = (now(&it, &decisions, second), now(&it, &decisions, 5000));
        prop_assert_eq!(&then.transitions[..], &later.transitions[..then.transitions.len()]);
    }

    #[test]
    fn the_order_of_rows_does_not_matter(turns in turns(), decisions in decisions()) {
        let mut unlike = decisions.clone();
        unlike.sort_by_key(|it| it.at);
        unlike.dedup_by_key(|it| it.at);
        let it = finding(turns);
        let forth = now(&it, &unlike, 3000);
        unlike.reverse();
        prop_assert_eq!(forth, now(&it, &unlike, 3000));
    }

    #[test]
    fn each_transition_goes_to_another_state_or_renews_an_acceptance(turns in turns(), decisions in decisions()) {
        let life = now(&finding(turns), &decisions, 5000);
        for pair in life.transitions.windows(2) {
            let renewed = matches!(&pair[1].to, State::AcceptedRisk { .. });
            prop_assert!(pair[0].to != pair[1].to || renewed);
            prop_assert!(pair[0].at <= pair[1].at);
        }
        prop_assert_eq!(&life.transitions.last().unwrap().to, &life.state);
    }
}
