//! The rule table against an independent reading of requirements 3.3, 3.4 and 7.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

use proptest::prelude::*;

use tierzero_core::verdict::{
    Check, Contrast, EDGE_RULES, FLOW_RULES, FlowClass, KindContrast, Late, Outcome, Verdict, edge_rule,
    edge_verdict, judge, not_seen, what_would_change,
};

const CHECKS: [Check; 9] = [
    Check::None,
    Check::Address,
    Check::Claimed,
    Check::Secret,
    Check::Token,
    Check::Key,
    Check::Kernel,
    Check::Opaque,
    Check::Public,
];
const OUTCOMES: [Outcome; 5] =
    [Outcome::Served, Outcome::Refused, Outcome::Unknown, Outcome::Admitted, Outcome::Idle];

/// Every contrast that matters: each count zero or not.
fn contrasts() -> impl Iterator<Item = Contrast> {
    (0u32..1 << 7).map(|bits| {
        let bit = |index: u32| u64::from(bits >> index & 1);
        let kind = KindContrast {
            demanded: 0,
            refused_missing: bit(0),
            refused_wrong: bit(1),
            declined_and_served: bit(2),
        };
        // The other kind is set the other way round: it must not matter.
        let other = KindContrast {
            demanded: 0,
            refused_missing: bit(3),
            refused_wrong: bit(3),
            declined_and_served: bit(3),
        };
        Contrast {
            secret: kind,
            key: other,
            refused_place: bit(4),
            refused_kernel: bit(5),
            served_without_proof: bit(6),
        }
    })
}

/// What requirements 3.3 and 3.4 say, written down once more and differently.
fn expected(class: FlowClass, contrast: &Contrast) -> Verdict {
    match class.outcome {
        Outcome::Refused => return Verdict::Refused,
        Outcome::Idle => return Verdict::Opaque,
        Outcome::Unknown if class.check == Check::Kernel => return Verdict::IdentityChecked,
        // Only what a protocol without answers carried is known to be sent and not to be served.
        Outcome::Unknown if matches!(class.check, Check::None | Check::Claimed) => {
            return Verdict::LocationTrusted;
        }
        Outcome::Unknown if matches!(class.check, Check::Secret | Check::Token | Check::Key) => {
            return Verdict::Unproven;
        }
        // Asked for, anonymous by design, and no answer seen.
        Outcome::Unknown if class.check == Check::Public => return Verdict::Public,
        Outcome::Unknown => return Verdict::Opaque,
        Outcome::Served | Outcome::Admitted => {}
    }
    let seen_served = class.outcome == Outcome::Served;
    let kind = match class.check {
        // A finished handshake shows no service, so none without proof either.
        Check::None | Check::Address | Check::Claimed | Check::Public | Check::Kernel if !seen_served => {
            return Verdict::Opaque;
        }
        Check::None | Check::Address | Check::Claimed => return Verdict::LocationTrusted,
        Check::Opaque => return Verdict::Opaque,
        Check::Public => return Verdict::Public,
        Check::Kernel => return Verdict::IdentityChecked,
        Check::Secret | Check::Token => contrast.secret,
        Check::Key => contrast.key,
    };
    let demanded = class.asked && kind.declined_and_served == 0;
    let someone_without_was_refused = kind.refused_missing > 0;
    let someone_wrong_was_refused = kind.refused_wrong > 0;
    let open_to_others = contrast.served_without_proof > 0;
    let insists = demanded || someone_without_was_refused || someone_wrong_was_refused && !open_to_others;
    match (insists, open_to_others && seen_served) {
        (false, true) => Verdict::LocationTrusted,
        (false, false) => Verdict::Unproven,
        (true, _) if class.check == Check::Secret => Verdict::SecretChecked,
        (true, _) => Verdict::IdentityChecked,
    }
}

#[test]
fn every_flow_class_on_every_listener() {
    let mut seen = 0;
    for contrast in contrasts() {
        for (outcome, check) in OUTCOMES.into_iter().flat_map(|it| CHECKS.map(|check| (it, check))) {
            for asked in [false, true] {
                let class = FlowClass { asked, ..FlowClass::new(outcome, check) };
                let (judgement, rule) = judge(class, &contrast);
                assert_eq!(judgement.verdict, expected(class, &contrast), "{class:?} {contrast:?}");
                assert_eq!(rule.is_none(), outcome == Outcome::Served && check == Check::Opaque, "{class:?}");
                assert_eq!(edge_verdict([(class, 3)].into_iter(), &contrast), Some(judgement));
                assert!(
                    !what_would_change(judgement.verdict, judgement.check, judgement.strength).is_empty()
                );
                assert!(!not_seen(judgement.verdict, judgement.check, judgement.strength).is_empty());
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 128 * 45 * 2);
}

#[test]
fn rules_have_ids_of_their_own_and_every_verdict_has_one() {
    let mut ids =
        FLOW_RULES.iter().map(|it| it.id).chain(EDGE_RULES.iter().map(|it| it.id)).collect::<Vec<_>>();
    ids.sort_unstable();
    let before = ids.len();
    ids.dedup();
    assert_eq!(before, ids.len());
    for verdict in Verdict::ALL {
        assert_eq!(edge_rule(verdict).unwrap().verdict, verdict);
        let word = serde_json::to_string(&verdict).unwrap();
        assert_eq!(word.trim_matches('"'), verdict.as_str());
    }
}

#[test]
fn the_place_that_was_refused_elsewhere_is_what_decided_here() {
    let contrast = Contrast { refused_place: 1, ..Contrast::default() };
    let (it, _) = judge(FlowClass::new(Outcome::Served, Check::None), &contrast);
    assert_eq!((it.check, it.verdict), (Check::Address, Verdict::LocationTrusted));
}

/// A flow in three words: outcome, check, asked.
type Words = (Outcome, Check, bool);

fn edge(flows: &[Words]) -> Verdict {
    let flows = flows
        .iter()
        .map(|(outcome, check, asked)| (FlowClass { asked: *asked, ..FlowClass::new(*outcome, *check) }, 1));
    edge_verdict(flows, &Contrast::default()).unwrap().verdict
}

#[test]
fn the_weakest_served_flow_decides() {
    use Outcome::{Idle, Refused, Served, Unknown};
    let cases: &[(&[Words], Verdict)] = &[
        (&[(Refused, Check::Secret, true), (Refused, Check::Opaque, false)], Verdict::Refused),
        (&[(Refused, Check::Secret, true), (Served, Check::Secret, true)], Verdict::SecretChecked),
        (&[(Served, Check::None, false), (Served, Check::Key, true)], Verdict::LocationTrusted),
        (&[(Unknown, Check::Opaque, false), (Served, Check::Key, true)], Verdict::Opaque),
        (&[(Unknown, Check::Opaque, false), (Served, Check::Secret, false)], Verdict::Opaque),
        (&[(Served, Check::Secret, false), (Served, Check::Key, true)], Verdict::Unproven),
        (&[(Served, Check::Secret, true), (Served, Check::Key, true)], Verdict::SecretChecked),
        (&[(Served, Check::Token, true), (Served, Check::Kernel, true)], Verdict::IdentityChecked),
        (&[(Served, Check::Public, false), (Refused, Check::Secret, true)], Verdict::Public),
        (&[(Served, Check::Public, false), (Served, Check::None, false)], Verdict::LocationTrusted),
        (&[(Served, Check::Public, false), (Unknown, Check::Opaque, false)], Verdict::Opaque),
        (&[(Served, Check::Public, false), (Served, Check::Key, true)], Verdict::IdentityChecked),
        (&[(Idle, Check::Opaque, false), (Served, Check::Key, true)], Verdict::IdentityChecked),
        (&[(Idle, Check::Opaque, false), (Refused, Check::Opaque, false)], Verdict::Opaque),
    ];
    for (flows, verdict) in cases {
        assert_eq!(edge(flows), *verdict, "{flows:?}");
    }
    assert_eq!(edge_verdict(std::iter::empty(), &Contrast::default()), None);
}

fn any_class() -> impl Strategy<Value = FlowClass> {
    (0..OUTCOMES.len(), 0..CHECKS.len(), any::<bool>(), 0..3u8).prop_map(|(outcome, check, asked, late)| {
        let class = FlowClass { asked, ..FlowClass::new(OUTCOMES[outcome], CHECKS[check]) };
        match late {
            0 => FlowClass::joined_late(Late::Open),
            1 => FlowClass::joined_late(Late::Over),
            _ => class,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    /// A listener that served somebody without proof is never better for it.
    #[test]
    fn a_flow_without_proof_never_strengthens(
        classes in prop::collection::vec(any_class(), 1..6),
        which in 0usize..128,
    ) {
        let contrast = contrasts().nth(which).unwrap();
        let mut after = contrast;
        after.served_without_proof += 1;
        let flows = classes.iter().map(|class| (*class, 1));
        let before = edge_verdict(flows.clone(), &contrast).unwrap().verdict;
        let elsewhere = edge_verdict(flows.clone(), &after).unwrap().verdict;
        prop_assert!(elsewhere.rank() <= before.rank(), "{before:?} to {elsewhere:?}");
        let trusted = (FlowClass::new(Outcome::Served, Check::None), 1);
        let here = edge_verdict(flows.chain([trusted]), &after).unwrap().verdict;
        prop_assert_eq!(here, Verdict::LocationTrusted);
    }

    /// An edge is never better than its weakest flow that shows anything and was seen from the start.
    #[test]
    fn an_edge_is_no_better_than_its_weakest_flow(
        classes in prop::collection::vec(any_class(), 1..6),
        which in 0usize..128,
    ) {
        let contrast = contrasts().nth(which).unwrap();
        let edge = edge_verdict(classes.iter().map(|class| (*class, 1)), &contrast).unwrap().verdict;
        for class in classes.iter().filter(|it| it.late != Late::Over) {
            let flow = judge(*class, &contrast).0.verdict;
            let shows = matches!(class.outcome, Outcome::Served | Outcome::Unknown | Outcome::Admitted) && flow != Verdict::Public;
            prop_assert!(!shows || edge.rank() <= flow.rank(), "{edge:?} over {flow:?}");
        }
    }
}
