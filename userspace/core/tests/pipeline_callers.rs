//! Named callers, from events: who is served and not listed, and what ends that.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::{HOST, Scene, pid, settings};
use tierzero_core::finding::{
    CallerList, CallerLists, Finding, FindingType, Mapping, TurnKind, callers, mapping,
};
use tierzero_core::graph::Snapshot;
use tierzero_core::graph::tier0::{Owned, OwnerRule, Terms};
use tierzero_core::pipeline::Pipeline;

const GET: (&str, &str) = ("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "$1\r\nv\r\n");
const GET_NOAUTH: (&str, &str) = (GET.0, "-NOAUTH Authentication required.\r\n");
const PLACE: &str = "127.0.0.1:6379";

fn auth(name: &str) -> String {
    format!("*3\r\n$4\r\nAUTH\r\n${}\r\n{name}\r\n$5\r\nMARK5\r\n", name.len())
}

fn lists(listener: &str, identities: &[&str], workloads: &[&str]) -> CallerLists {
    let set = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    let list =
        CallerList { listener: listener.to_owned(), identities: set(identities), workloads: set(workloads) };
    CallerLists { lists: vec![list] }
}

fn scene(lists: CallerLists) -> Scene {
    let mut pipeline = Pipeline::new(settings());
    pipeline.name_callers(lists);
    let mut scene = Scene::with(pipeline);
    let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
    scene.process(200, "/usr/bin/redis-cli", HOST, 1000);
    scene.process(201, "/usr/bin/python3", HOST, 1000);
    scene.listen(redis, PLACE, HOST);
    scene
}

fn call(scene: &mut Scene, by: u32, port: u16, turns: &[(&str, &str)]) {
    let from = format!("127.0.0.1:{port}");
    let mut it = scene.connect(pid(by), pid(100), (&from, HOST), (PLACE, HOST));
    scene.talk(&mut it, turns);
    scene.close(&it);
    scene.wait(3000);
}

fn unlisted(snapshot: &Snapshot) -> Vec<Finding> {
    snapshot.findings.iter().filter(|it| it.kind == FindingType::UnlistedCaller).cloned().collect()
}

#[test]
fn a_place_that_is_not_listed_is_found_and_its_refusal_ends_it() {
    let mut scene = scene(lists(PLACE, &[], &["redis-cli"]));
    call(&mut scene, 200, 40001, &[GET]);
    assert!(unlisted(&scene.snapshot()).is_empty());
    call(&mut scene, 201, 40002, &[GET]);
    call(&mut scene, 201, 40003, &[GET]);
    let found = unlisted(&scene.snapshot());
    assert_eq!((found.len(), found[0].count), (1, 2));
    assert!(found[0].says.contains("python3"), "{}", found[0].says);
    scene.wait(3_600_000);
    call(&mut scene, 200, 40004, &[GET_NOAUTH]);
    assert!(
        unlisted(&scene.snapshot())[0].ended().is_none(),
        "neither silence nor another's refusal ends it"
    );
    call(&mut scene, 201, 40005, &[GET_NOAUTH]);
    assert!(unlisted(&scene.snapshot())[0].ended().is_some());
    call(&mut scene, 201, 40006, &[GET]);
    let again = &unlisted(&scene.snapshot())[0];
    assert_eq!((again.ended(), again.turns.last().unwrap().kind), (None, TurnKind::Again));
}

#[test]
fn a_proved_name_that_is_not_listed_is_found_by_name() {
    let mut scene = scene(lists("redis-server", &["app"], &[]));
    let (app, ops) = (auth("app"), auth("ops"));
    call(&mut scene, 200, 40001, &[GET_NOAUTH, (&app, "+OK\r\n"), GET]);
    assert_eq!(unlisted(&scene.snapshot()), []);
    call(&mut scene, 201, 40002, &[GET_NOAUTH, (&ops, "+OK\r\n"), GET]);
    let found = unlisted(&scene.snapshot());
    assert_eq!(found.len(), 1);
    assert!(found[0].says.contains(" ops,"), "{}", found[0].says);
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    call(&mut scene, 201, 40003, &[(&ops, wrong)]);
    assert!(
        unlisted(&scene.snapshot())[0].ended().is_none(),
        "a wrong password says nothing about the right one"
    );
}

#[test]
fn a_list_made_later_finds_who_was_there_and_a_longer_one_ends_it() {
    let mut before = scene(CallerLists::default());
    let ops = auth("ops");
    call(&mut before, 201, 40002, &[GET_NOAUTH, (&ops, "+OK\r\n"), GET]);
    let stored = before.snapshot();
    assert_eq!(unlisted(&stored), []);
    let found = callers(&stored, &CallerLists::default());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].identity.as_ref().unwrap().name.as_str(), found[0].listed), ("ops", None));
    let goes_on = |stored: &Snapshot, lists: CallerLists| {
        let mut pipeline = Pipeline::new(settings());
        pipeline.name_callers(lists);
        pipeline.restore(stored);
        Scene::with(pipeline).snapshot()
    };
    let listener = stored.listeners[0].id.as_str();
    let short = goes_on(&stored, lists(listener, &["app"], &[]));
    assert_eq!(unlisted(&short).len(), 1);
    assert!(unlisted(&goes_on(&short, CallerLists::default()))[0].ended().is_none(), "no list, no end");
    let long = goes_on(&short, lists(listener, &["app", "ops"], &[]));
    assert!(unlisted(&long)[0].ended().is_some());
    assert_eq!(callers(&long, &lists(listener, &["app"], &[]))[0].listed, Some(false));
}

fn owners(names: &[(&str, Option<&str>)]) -> Terms {
    let rule = |(name, gone_on): &(&str, Option<&str>)| OwnerRule {
        of: Owned::Principal((*name).to_owned()),
        owner: "ops".to_owned(),
        confirmed_on: None,
        gone_on: gone_on.map(|it| it.parse().unwrap()),
    };
    Terms { owners: names.iter().map(rule).collect(), ..Terms::default() }
}

#[test]
fn names_without_an_owner_and_names_that_are_gone_are_found() {
    let kinds = |snapshot: &Snapshot| -> Vec<_> {
        let own = |it: &&Finding| matches!(it.kind, FindingType::OwnerMissing | FindingType::LeaverUsed);
        snapshot.findings.iter().filter(own).map(|it| (it.kind, it.ended().is_some())).collect()
    };
    let app = auth("app");
    let with = |terms: Terms, stored: Option<&Snapshot>| {
        let mut pipeline = Pipeline::new(settings());
        pipeline.own_by(terms);
        if let Some(stored) = stored {
            pipeline.restore(stored);
            return Scene::with(pipeline).snapshot();
        }
        let mut scene = Scene::with(pipeline);
        let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
        scene.process(200, "/usr/bin/redis-cli", HOST, 1000);
        scene.listen(redis, PLACE, HOST);
        call(&mut scene, 200, 40001, &[GET_NOAUTH, (&app, "+OK\r\n"), GET]);
        scene.snapshot()
    };
    assert_eq!(kinds(&with(Terms::default(), None)), [], "without a list nothing is missing from it");
    assert_eq!(kinds(&with(owners(&[("app", None)]), None)), []);
    assert_eq!(kinds(&with(owners(&[("app", Some("2999-01-01"))]), None)), []);
    assert_eq!(
        kinds(&with(owners(&[("app", Some("2001-01-01"))]), None)),
        [(FindingType::LeaverUsed, false)]
    );
    let missing = with(owners(&[("etl", None)]), None);
    assert_eq!(kinds(&missing), [(FindingType::OwnerMissing, false)]);
    let named = with(owners(&[("etl", None), ("app", None)]), Some(&missing));
    assert_eq!(kinds(&named), [(FindingType::OwnerMissing, true)]);
}

#[test]
fn edges_that_nobody_claimed_are_found_once_workloads_are_claimed_at_all() {
    let workload = |name: &str| OwnerRule {
        of: Owned::Workload(name.to_owned()),
        owner: "ops".to_owned(),
        confirmed_on: None,
        gone_on: None,
    };
    let owned =
        |names: &[&str]| Terms { owners: names.iter().map(|it| workload(it)).collect(), ..Terms::default() };
    let with = |terms: Terms, lists: CallerLists, stored: Option<&Snapshot>| {
        let mut pipeline = Pipeline::new(settings());
        pipeline.own_by(terms);
        pipeline.name_callers(lists);
        if let Some(stored) = stored {
            pipeline.restore(stored);
            return Scene::with(pipeline).snapshot();
        }
        let mut scene = Scene::with(pipeline);
        let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
        scene.process(200, "/usr/bin/redis-cli", HOST, 1000);
        scene.listen(redis, PLACE, HOST);
        call(&mut scene, 200, 40001, &[GET]);
        scene.snapshot()
    };
    let unmapped = |snapshot: &Snapshot| -> Vec<bool> {
        let own = snapshot.findings.iter().filter(|it| it.kind == FindingType::UnmappedEdge);
        own.map(|it| it.ended().is_some()).collect()
    };
    let none = CallerLists::default;
    let listed = || lists(PLACE, &[], &["redis-cli"]);
    assert_eq!(unmapped(&with(Terms::default(), none(), None)), [false; 0]);
    let found = with(owned(&["redis-server"]), none(), None);
    assert_eq!(unmapped(&found), [false]);
    assert_eq!(unmapped(&with(owned(&["redis-server", "redis-cli"]), none(), None)), [false; 0]);
    assert_eq!(unmapped(&with(owned(&["redis-server"]), listed(), None)), [false; 0]);
    assert_eq!(unmapped(&with(owned(&["redis-server"]), listed(), Some(&found))), [true]);
    let state = |terms: &Terms, lists: &CallerLists| {
        mapping(&found, terms, lists).values().copied().collect::<Vec<_>>()
    };
    assert_eq!(state(&Terms::default(), &none()), [Mapping::Unmapped]);
    assert_eq!(state(&owned(&["redis-server", "redis-cli"]), &none()), [Mapping::Mapped]);
    assert_eq!(state(&Terms::default(), &listed()), [Mapping::Approved]);
    assert_eq!(state(&Terms::default(), &lists(PLACE, &["app"], &[])), [Mapping::Unmapped]);
}
