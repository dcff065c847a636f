//! What the ledger may conclude from a sequence of observations, and what must never be inferred.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

use proptest::prelude::*;
use tierzero_core::evidence::observation::RuleRef;
use tierzero_core::evidence::{
    Credential, CredentialKind, Hidden, Level, Observation, Operation, Proof, Refusal, Rule, Scope, Shown,
    Source, rules,
};
use tierzero_core::verdict::{
    Check, Contrast, FlowClass, Late, Ledger, Outcome, Served, Setting, Strength, Verdict, judge,
};

fn rule(level: Level) -> &'static Rule {
    static INFERRED: Rule = Rule {
        id: "test.inferred",
        version: 1,
        level: Level::Inferred,
        source: Source::Wire,
        shows: "",
        limits: "",
        inside: None,
    };
    if level == Level::Inferred {
        &INFERRED
    } else {
        rules().find(|it| it.source == Source::Wire && it.level == level).unwrap()
    }
}

fn plain() -> Setting {
    Setting { late: Late::No, over: true, silent: false, vouched: None, unix: None, answered: false }
}

/// Class and contrast that a sequence comes to.
fn account(shown: &[Shown], level: Level, setting: &Setting) -> (Option<FlowClass>, Contrast) {
    let mut ledger = Ledger::default();
    ledger.joined_late(setting.late != Late::No);
    let mut contrast = Contrast::default();
    for shown in shown {
        let observation = Observation { rule: RuleRef(rule(level)), shown: shown.clone() };
        ledger.observe(&observation, 3600, &mut contrast);
    }
    let class = ledger.class(setting);
    if class.is_some_and(FlowClass::served_without_proof) {
        contrast.served_without_proof += 1;
    }
    (class, contrast)
}

fn verdict(shown: &[Shown]) -> Verdict {
    let (class, contrast) = account(shown, Level::Observed, &plain());
    judge(class.unwrap(), &contrast).0.verdict
}

fn offer(proof: Proof, scope: Scope, lifetime_s: Option<u64>) -> Shown {
    let credential = Credential { lifetime_s, cleartext: true, ..Credential::of(CredentialKind::Jwt) };
    Shown::Offers { proof, scope, principal: None, credential: Some(credential) }
}

const SERVED: Shown = Shown::Serves { operation: Operation::Service };

#[test]
fn forbidden_inferences() {
    let hidden = |why| Shown::Hidden { why };
    // No challenge seen is no `none` where the start, or something on the way, was not seen.
    for why in
        [Hidden::JoinedLate, Hidden::Resumed, Hidden::Truncated, Hidden::Gap, Hidden::Tls12, Hidden::Tls13]
    {
        assert_eq!(verdict(&[hidden(why), SERVED]), Verdict::Opaque, "{why:?}");
    }
    // TLS is no identity, and a certificate without visible service is none either (M5, M7).
    let key = offer(Proof::Key, Scope::Connection, None);
    let demand = Shown::Demands { proof: Proof::Key };
    assert_eq!(
        verdict(&[demand.clone(), key.clone(), Shown::Accepts, hidden(Hidden::Tls12)]),
        Verdict::Opaque
    );
    assert_eq!(verdict(&[demand.clone(), Shown::Declines, hidden(Hidden::Tls13)]), Verdict::Opaque);
    // A declined certificate, or one that was only asked for, admits nobody as anybody; nor does what nobody could read.
    let admits = Shown::Admits { expected: true };
    assert_eq!(verdict(&[demand.clone(), Shown::Declines, admits.clone()]), Verdict::Opaque);
    assert_eq!(verdict(&[demand.clone(), admits.clone()]), Verdict::Opaque);
    assert_eq!(verdict(&[key.clone(), Shown::Admits { expected: true }]), Verdict::Unproven);
    for why in [Hidden::Tls12, Hidden::Resumed, Hidden::Gap] {
        let before = [hidden(why), demand.clone(), key.clone(), admits.clone()];
        assert_eq!(verdict(&before), Verdict::Opaque);
        let between = [demand.clone(), key.clone(), hidden(why), admits.clone()];
        assert_eq!(verdict(&between), Verdict::Opaque);
    }
    let later = Shown::Refuses { why: Refusal::NotAllowed };
    assert_eq!(verdict(&[demand.clone(), key.clone(), admits, later]), Verdict::Refused);
    // Silence is no refusal, a challenge no service, an accept code no service.
    assert_eq!(verdict(std::slice::from_ref(&demand)), Verdict::Opaque);
    assert_eq!(verdict(&[demand, key, Shown::Accepts]), Verdict::Unproven);
    assert_eq!(verdict(&[]), Verdict::Opaque);
}

#[test]
fn a_finished_handshake_counts_for_the_key_that_it_rests_on() {
    let demand = Shown::Demands { proof: Proof::Key };
    let key = offer(Proof::Key, Scope::Connection, None);
    let inside = Shown::Hidden { why: Hidden::Tls12 };
    let admitted = |expected| {
        let shown = [demand.clone(), key.clone(), Shown::Admits { expected }, inside.clone()];
        account(&shown, Level::Observed, &plain())
    };
    let (class, contrast) = admitted(true);
    let class = class.unwrap();
    assert_eq!(class.served(), Served::Unknown);
    let (it, _) = judge(class, &contrast);
    assert_eq!(
        (it.check, it.strength, it.verdict),
        (Check::Key, Some(Strength::Demanded), Verdict::IdentityChecked)
    );
    // Whose issuer the receiver did not name may be anybody's key, until somebody without one was refused.
    let (class, mut contrast) = admitted(false);
    let (it, _) = judge(class.unwrap(), &contrast);
    assert_eq!(
        (it.check, it.strength, it.verdict),
        (Check::Key, Some(Strength::Presented), Verdict::Unproven)
    );
    let missing = Shown::Refuses { why: Refusal::ProofMissing };
    let (refused, showed) =
        account(&[demand.clone(), Shown::Declines, missing, inside.clone()], Level::Observed, &plain());
    assert_eq!(refused.unwrap(), FlowClass::new(Outcome::Refused, Check::Opaque));
    contrast.add(&showed);
    assert_eq!(judge(class.unwrap(), &contrast).0.strength, Some(Strength::Enforced));
    // A caller that declined and whose handshake was finished all the same was not seen served.
    let (declined, showed) = account(&[demand, Shown::Declines, inside], Level::Observed, &plain());
    assert_eq!(declined.unwrap(), FlowClass::new(Outcome::Unknown, Check::Opaque));
    assert_eq!(showed.key.declined_and_served, 0);
}

#[test]
fn a_bearer_is_a_token_only_within_the_limit() {
    for (lifetime_s, expect) in [
        (Some(60), Check::Token),
        (Some(3600), Check::Token),
        (Some(3601), Check::Secret),
        (None, Check::Secret),
    ] {
        let (class, _) =
            account(&[offer(Proof::Token, Scope::Request, lifetime_s), SERVED], Level::Observed, &plain());
        assert_eq!(class.unwrap().check, expect);
    }
}

#[test]
fn a_challenge_that_may_be_declined_is_no_demand() {
    let demand = Shown::Demands { proof: Proof::Key };
    let (class, mut contrast) = account(
        &[demand.clone(), offer(Proof::Key, Scope::Connection, None), SERVED],
        Level::Observed,
        &plain(),
    );
    assert_eq!(judge(class.unwrap(), &contrast).0.strength, Some(Strength::Demanded));
    let (declined, showed) = account(&[demand, Shown::Declines, SERVED], Level::Observed, &plain());
    assert_eq!(declined.unwrap().check, Check::None);
    contrast.add(&showed);
    let (it, _) = judge(class.unwrap(), &contrast);
    assert_eq!((it.strength, it.verdict), (Some(Strength::Presented), Verdict::LocationTrusted));
}

#[test]
fn the_receiver_that_says_it_ignores_proof_gives_none() {
    let secret = offer(Proof::Secret, Scope::Connection, None);
    assert_eq!(verdict(&[secret, Shown::Ignores, SERVED]), Verdict::LocationTrusted);
}

#[test]
fn each_request_proves_itself_alone() {
    let bearer = offer(Proof::Secret, Scope::Request, None);
    assert_eq!(verdict(&[bearer.clone(), SERVED, SERVED]), Verdict::LocationTrusted);
    let missing = Shown::Refuses { why: Refusal::ProofMissing };
    let both = [missing, bearer, SERVED];
    assert_eq!(verdict(&both), Verdict::SecretChecked);
    let then_a_gap = [both.as_slice(), &[Shown::Hidden { why: Hidden::Gap }]].concat();
    assert_eq!(verdict(&then_a_gap), Verdict::Opaque);
}

fn anything_shown() -> impl Strategy<Value = Shown> {
    let proof = prop_oneof![Just(Proof::Claim), Just(Proof::Secret), Just(Proof::Token), Just(Proof::Key)];
    let scope = prop_oneof![Just(Scope::Connection), Just(Scope::Request)];
    let refusal = prop_oneof![
        Just(Refusal::ProofMissing),
        Just(Refusal::ProofWrong),
        Just(Refusal::Place),
        Just(Refusal::NotAllowed),
        Just(Refusal::Other)
    ];
    let lifetime = prop_oneof![Just(None), Just(Some(60u64)), Just(Some(99_999u64))];
    prop_oneof![
        proof.clone().prop_map(|proof| Shown::Demands { proof }),
        (proof, scope, lifetime).prop_map(|(proof, scope, lifetime)| offer(proof, scope, lifetime)),
        Just(Shown::Declines),
        Just(Shown::Accepts),
        any::<bool>().prop_map(|expected| Shown::Admits { expected }),
        Just(Shown::Resumes { sessions: Vec::new() }),
        Just(SERVED),
        Just(SERVED),
        Just(Shown::Serves { operation: Operation::Public }),
        Just(Shown::SendsOneWay),
        Just(Shown::AsksPublic),
        refusal.prop_map(|why| Shown::Refuses { why }),
        Just(Shown::Ignores),
    ]
}

fn any_hidden() -> impl Strategy<Value = Hidden> {
    prop_oneof![
        Just(Hidden::Tls12),
        Just(Hidden::Tls13),
        Just(Hidden::Resumed),
        Just(Hidden::Encrypted),
        Just(Hidden::Unsupported),
        Just(Hidden::JoinedLate),
        Just(Hidden::Gap),
        Just(Hidden::Truncated),
        Just(Hidden::NoPayload),
    ]
}

fn comforts(shown: &[Shown]) -> bool {
    let (class, contrast) = account(shown, Level::Observed, &plain());
    class.is_some_and(|class| judge(class, &contrast).0.verdict.comforts())
}

#[test]
fn sizes_of_ssh_suggest_a_check_and_give_no_verdict() {
    for (protocol, expected) in [
        (tierzero_core::evidence::Protocol::Ssh, Some(Check::Key)),
        (tierzero_core::evidence::Protocol::Tls, None),
    ] {
        let mut ledger = Ledger::default();
        let shown =
            [Shown::Hidden { why: Hidden::Encrypted }, offer(Proof::Key, Scope::Connection, None), SERVED];
        let mut observe = |shown, level| {
            ledger.observe(
                &Observation { rule: RuleRef(rule(level)), shown },
                3600,
                &mut Contrast::default(),
            );
        };
        observe(Shown::Speaks { protocol }, Level::Observed);
        for shown in shown {
            observe(shown, Level::Inferred);
        }
        assert_eq!(ledger.inferred(), expected);
        let class = ledger.class(&plain()).unwrap();
        assert_eq!(judge(class, &Contrast::default()).0.verdict, Verdict::Opaque);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    /// What can't be seen never adds comfort: what still comforts did so before it, or without it.
    #[test]
    fn hiding_is_never_false_comfort(
        shown in prop::collection::vec(anything_shown(), 0..10),
        at in 0usize..10,
        why in any_hidden(),
        replace in any::<bool>(),
    ) {
        let at = at.min(shown.len());
        let mut hidden = shown.clone();
        if replace && at < hidden.len() {
            hidden[at] = Shown::Hidden { why };
        } else {
            hidden.insert(at, Shown::Hidden { why });
        }
        prop_assert!(!comforts(&hidden) || comforts(&shown[..at]) || comforts(&shown), "{hidden:?}");
    }

    /// Inferred evidence alone says neither good nor bad (decision 9).
    #[test]
    fn inferred_evidence_alone_is_opaque(shown in prop::collection::vec(anything_shown(), 0..10)) {
        let (class, contrast) = account(&shown, Level::Inferred, &plain());
        prop_assert_eq!(judge(class.unwrap(), &contrast).0.verdict, Verdict::Opaque);
    }

    /// What was joined late is opaque, or stands on proof that was seen: its absence says nothing (`none` would).
    #[test]
    fn joined_late_stands_on_proof_alone(shown in prop::collection::vec(anything_shown(), 0..10)) {
        let late = Setting { late: Late::Over, ..plain() };
        let (class, contrast) = account(&shown, Level::Observed, &late);
        let class = class.unwrap();
        prop_assert_eq!(class.late, Late::Over);
        if class != FlowClass::joined_late(Late::Over) {
            prop_assert!(matches!(class.check, Check::Secret | Check::Token | Check::Key), "{class:?}");
            let proof = |it: &Shown| matches!(it, Shown::Offers { proof, .. } if *proof != Proof::Claim);
            prop_assert!(shown.iter().any(proof));
            // It is never better than the same seen from the start.
            let (whole, _) = account(&shown, Level::Observed, &plain());
            let comfort = |class| judge(class, &contrast).0.verdict.comforts();
            prop_assert!(!comfort(class) || whole.is_some_and(comfort), "{class:?} {whole:?}");
        }
        prop_assert_eq!(contrast.served_without_proof, 0);
        prop_assert_eq!(contrast.secret.declined_and_served + contrast.key.declined_and_served, 0);
    }
}
