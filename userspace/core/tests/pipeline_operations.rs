//! Contrast by operation: what a listener did about one address says nothing about another.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::api::{Api, OK, UNAUTHORIZED};
use proptest::prelude::*;
use tierzero_core::graph::Edge;
use tierzero_core::verdict::{Revision, Strength, Verdict};

const KEY: &str = "X-API-Key: MARK\r\n";

fn edge(api: &Api, caller: &str) -> Edge {
    let id = api.scene.workload(caller).id;
    api.scene.snapshot().edges.into_iter().find(|edge| edge.caller == id).unwrap()
}

#[test]
fn a_refusal_at_one_address_enforces_nothing_at_another() {
    let mut api = Api::new();
    let (app, admin, other) = (api.caller("/bin/app"), api.caller("/bin/admin"), api.caller("/bin/other"));
    api.exchange(other, &[("/admin/users", "", UNAUTHORIZED)]);
    api.exchange(app, &[("/orders", KEY, OK)]);
    api.exchange(admin, &[("/admin/users", KEY, OK)]);
    let (app, admin) = (edge(&api, "app"), edge(&api, "admin"));
    assert_eq!((app.verdict, app.strength), (Verdict::Unproven, Some(Strength::Presented)));
    assert_eq!((admin.verdict, admin.strength), (Verdict::SecretChecked, Some(Strength::Enforced)));
}

#[test]
fn service_to_anybody_at_one_address_decorates_only_what_is_shown_there() {
    let mut api = Api::new();
    let (app, open, other) = (api.caller("/bin/app"), api.caller("/bin/open"), api.caller("/bin/other"));
    api.exchange(app, &[("/orders", KEY, OK)]);
    api.exchange(open, &[("/prices", KEY, OK)]);
    api.exchange(other, &[("/prices", "", OK)]);
    assert_eq!(edge(&api, "app").verdict, Verdict::Unproven);
    let decorated = edge(&api, "open");
    assert_eq!(decorated.verdict, Verdict::LocationTrusted);
    assert_eq!(decorated.history[0].why, Some(Revision::ServedWithoutProof));
    // A refusal at the other one, later: the weakest of what was shown still decides.
    api.exchange(other, &[("/orders", "", UNAUTHORIZED)]);
    assert_eq!(edge(&api, "app").verdict, Verdict::SecretChecked);
    assert_eq!(edge(&api, "open").verdict, Verdict::LocationTrusted);
    let both = api.caller("/bin/both");
    api.exchange(both, &[("/orders", KEY, OK), ("/prices", KEY, OK)]);
    assert_eq!(edge(&api, "both").verdict, Verdict::LocationTrusted);
}

#[test]
fn addresses_of_one_shape_are_one_operation() {
    let mut api = Api::new();
    let (app, other) = (api.caller("/bin/app"), api.caller("/bin/other"));
    api.exchange(app, &[("/orders/17?full=1", KEY, OK), ("/orders/18", KEY, OK)]);
    api.exchange(other, &[("/orders/99", "", UNAUTHORIZED)]);
    assert_eq!(edge(&api, "app").verdict, Verdict::SecretChecked);
    assert_eq!(api.scene.snapshot().listeners[0].operations.len(), 1);
}

#[test]
fn a_realm_that_was_asked_for_once_counts_for_its_other_addresses() {
    let mut api = Api::new();
    let app = api.caller("/bin/app");
    api.exchange(app, &[("/a", "", UNAUTHORIZED), ("/a", KEY, OK), ("/b", KEY, OK)]);
    assert_eq!(edge(&api, "app").verdict, Verdict::SecretChecked);
    // Unless that address serves anybody.
    let other = api.caller("/bin/other");
    api.exchange(other, &[("/b", "", OK)]);
    assert_eq!(edge(&api, "app").verdict, Verdict::LocationTrusted);
}

#[test]
fn more_operations_than_are_told_apart_strengthen_nothing() {
    let mut api = Api::new();
    let (app, other) = (api.caller("/bin/app"), api.caller("/bin/other"));
    let names: Vec<String> = (0..60)
        .map(|n| {
            format!("/{}", "ab".repeat(n / 2 + 1 + 20 * (n % 2)).get(..n / 2 + 1 + 15 * (n % 2)).unwrap())
        })
        .collect();
    for name in &names {
        api.exchange(other, &[(name, "", UNAUTHORIZED)]);
        api.exchange(app, &[(name, KEY, OK)]);
    }
    assert!(api.scene.snapshot().listeners[0].operations.len() <= 31);
    let edge = edge(&api, "app");
    assert!(matches!(edge.verdict, Verdict::SecretChecked | Verdict::Unproven));
    assert!(edge.groups.len() <= 66);
}

#[test]
fn operations_go_on_after_a_restart() {
    let mut api = Api::new();
    let (app, other) = (api.caller("/bin/app"), api.caller("/bin/other"));
    api.exchange(app, &[("/orders", KEY, OK)]);
    api.exchange(other, &[("/admin", "", UNAUTHORIZED)]);
    let stored = api.scene.snapshot();
    let mut pipeline = tierzero_core::pipeline::Pipeline::new(pipeline_scene::settings());
    pipeline.restore(&stored);
    let mut again = Api::on(pipeline_scene::Scene::with(pipeline));
    assert_eq!(edge(&again, "app").verdict, Verdict::Unproven);
    let other = again.caller("/bin/other");
    again.exchange(other, &[("/orders", "", UNAUTHORIZED)]);
    assert_eq!(edge(&again, "app").verdict, Verdict::SecretChecked);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// In which order flows come does not matter to what stands at the end.
    #[test]
    fn the_order_of_flows_changes_no_verdict(
        flows in prop::collection::vec((0_usize..3, 0_usize..3, any::<bool>(), any::<bool>()), 1..8),
        turn in any::<prop::sample::Index>(),
    ) {
        let verdicts = |flows: &[(usize, usize, bool, bool)]| {
            let mut api = Api::new();
            let callers = ["/bin/a", "/bin/b", "/bin/c"].map(|exe| api.caller(exe));
            for (caller, path, with_key, served) in flows {
                let (field, answer) = (if *with_key { KEY } else { "" }, if *served { OK } else { UNAUTHORIZED });
                api.exchange(callers[*caller], &[(["/x", "/y", "/z"][*path], field, answer)]);
            }
            let edges = api.scene.snapshot().edges;
            edges.into_iter().map(|edge| (edge.id, edge.verdict, edge.check, edge.strength)).collect::<Vec<_>>()
        };
        let mut turned = flows.clone();
        turned.rotate_left(turn.index(flows.len()));
        turned.reverse();
        prop_assert_eq!(verdicts(&flows), verdicts(&turned));
    }
}
