//! The judge, held to graphs that are true, and to such as are wrong in one place.

use super::*;

fn truth() -> Truth {
    Truth::read(include_str!("../sample/truth.json")).unwrap()
}

fn verdicts(change: impl FnOnce(&mut Graph)) -> Judgement {
    let mut graph: Graph = serde_json::from_str(include_str!("../sample/graph.json")).unwrap();
    change(&mut graph);
    let lines: Vec<Value> = include_str!("../sample/lines.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let roles = [("11", "app"), ("12", "leg"), ("13", "ops")];
    let roles = roles.into_iter().map(|(inode, role)| (inode.to_owned(), role.to_owned())).collect();
    let report = serde_json::json!({
        "answers": [{ "name": "principals", "figures": { "principals": 2 } }],
        "floors": [{ "listener": "l-1", "floor": "tier-0 gap" }],
    });
    judge(
        &truth(),
        &Said { graph: &graph, lines: &lines, roles: &roles, report: &report, observer: "/opt/tierzero" },
    )
}

#[test]
fn a_true_graph_has_full_marks() {
    let judgement = verdicts(|_| ());
    assert_eq!(judgement.failures(), Vec::<String>::new());
    assert_eq!((judgement.points(), judgement.precision(), judgement.recall()), (2.0, 100.0, 100.0));
    assert_eq!((judgement.listeners, judgement.principals), ((1, 1), (2, 2)));
}

#[test]
fn points_are_those_of_section_5() {
    for (expected, said, wanted) in [
        ("location-trusted", "location-trusted", 1.0),
        ("location-trusted", "opaque", 0.5),
        ("location-trusted", "unproven", 0.5),
        ("location-trusted", "secret-checked", -2.0),
        ("location-trusted", "identity-checked", -2.0),
        ("location-trusted", "refused", -2.0),
        ("opaque", "location-trusted", 0.0),
        ("opaque", "identity-checked", -2.0),
        ("secret-checked", "identity-checked", -2.0),
        ("identity-checked", "secret-checked", 0.0),
        ("identity-checked", "opaque", 0.5),
        ("refused", "location-trusted", 0.0),
        ("refused", "identity-checked", 0.0),
    ] {
        assert_eq!(points(expected, said).0, wanted, "{expected} said {said}");
    }
}

#[test]
fn false_comfort_fails() {
    let judgement = verdicts(|graph| graph.edges[0].verdict = "secret-checked".to_owned());
    assert!(judgement.edges.iter().any(|edge| edge.false_comfort));
    assert!(judgement.failures().iter().any(|says| says.starts_with("FALSE COMFORT")));
    assert_eq!(judgement.forbidden.len(), 1);
}

#[test]
fn a_missing_edge_costs_recall_and_a_foreign_one_precision() {
    let judgement = verdicts(|graph| graph.edges[1].caller = "w-app".to_owned());
    assert_eq!((judgement.recall(), judgement.precision()), (50.0, 50.0));
    assert_eq!(judgement.spurious.len(), 1);
}

#[test]
fn other_places_are_not_judged_but_the_observers_own_are() {
    let judgement = verdicts(|graph| graph.workloads[0].netns = Some("99".to_owned()));
    assert_eq!(judgement.recall(), 50.0);
    let judgement = verdicts(|graph| graph.workloads[0].exe = Some("/opt/tierzero".to_owned()));
    let (edge, finding) = (1, 1);
    assert_eq!(judgement.own_noise.len(), edge + finding);
}

#[test]
fn details_are_judged() {
    let judgement = verdicts(|graph| {
        graph.edges[0].flows = 3;
        graph.edges[0].check = Some("address".to_owned());
        graph.listeners[0].class = "modern".to_owned();
        graph.edges[0].principal_sightings.clear();
    });
    let failures = judgement.failures().join("; ");
    for part in ["flows is 3", "check is address", "is legacy, said modern", "principal report was not seen"]
    {
        assert!(failures.contains(part), "{part}: {failures}");
    }
}

#[test]
fn findings_cost_a_point_when_missing_and_when_spurious() {
    let judgement = verdicts(|graph| graph.findings[0].kind = "location-trust".to_owned());
    assert_eq!(judgement.findings, -2);
    let failures = judgement.failures().join("; ");
    assert!(failures.contains("no finding bridge-direct") && failures.contains("not in the truth: high"));
    let judgement = verdicts(|graph| graph.findings[0].severity = "critical".to_owned());
    assert_eq!((judgement.findings, judgement.forbidden.len()), (0, 1));
    assert!(judgement.failures().iter().any(|it| it.contains("severity is critical")));
}

#[test]
fn what_lies_between_edges_is_judged() {
    type Change = fn(&mut Graph);
    let wrong: [(&str, Change); 7] = [
        ("containment is", |graph| graph.agents[0].containment = Some("contained".to_owned())),
        ("peak a second is", |graph| graph.agents[0].rate.peak_per_s = 9),
        ("it reaches", |graph| graph.agents[0].reached = None),
        ("no path", |graph| graph.paths[0].kind = "transit".to_owned()),
        ("relay is reachable", |graph| graph.relays[0].strength = "reachable".to_owned()),
        ("relay is correlated (n 19)", |graph| graph.relays[0].coincidence.n = 19),
        ("wrap is leaky", |graph| graph.wraps[0].state = "leaky".to_owned()),
    ];
    for (part, change) in wrong {
        let failures = verdicts(change).failures().join("; ");
        assert!(failures.contains(part), "{part}: {failures}");
    }
}
