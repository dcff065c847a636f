//! What is stored comes back, over restarts, in order, bounded.

use crate::fixture::{
    accepted, at, drill, edge, finding, flow, graph, host, listener, unix_listener, workload,
};
use tempfile::TempDir;
use tierzero_core::drill::Drill;
use tierzero_core::graph::Delta;
use tierzero_store::{Limits, Place, Store, StoreError};

fn place(directory: &TempDir) -> Place {
    Place::File(directory.path().join("state/tierzero.db"))
}

fn begun(place: &Place) -> Store {
    let mut store = Store::open(place.clone()).unwrap();
    store.begin_session(at(0)).unwrap();
    store
}

#[test]
fn the_graph_comes_back_whole_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    let mut store = begun(&place);
    store.apply(&graph()).unwrap();
    let before = store.snapshot().unwrap();
    store.end_session(at(10)).unwrap();
    drop(store);

    let receiver = workload("redis");
    let store = Store::open_read_only(place).unwrap();
    let after = store.snapshot().unwrap();
    assert_eq!(after.hosts, [host()]);
    assert_eq!(after.edges, [edge(1, 2)]);
    assert_eq!(after.coverage, crate::fixture::coverage());
    assert_eq!(after.window, Some((at(0), at(10))));
    assert_eq!((&after.workloads, &after.listeners), (&before.workloads, &before.listeners));
    let mut listeners = [listener(&receiver), unix_listener(&receiver)];
    listeners.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(after.listeners, listeners);

    let one = edge(1, 2);
    assert_eq!(store.edge(&one.id).unwrap(), Some(one.clone()));
    assert_eq!(store.listener(&one.listener).unwrap(), Some(listener(&receiver)));
    assert_eq!(store.workload(&receiver.id).unwrap(), Some(receiver));
    assert_eq!(store.edge(&edge(2, 1).id).unwrap(), None);
    assert_eq!(store.flows_of_edge(&one.id, 10).unwrap(), [flow(1, Some(&one), at(5))]);
}

#[test]
fn an_operator_decides_while_an_observer_writes_and_neither_is_lost() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    let mut observer = begun(&place);
    observer.apply(&[Delta::Finding(finding())]).unwrap();
    let mut operator = Store::open(place).unwrap();
    operator.decide(&accepted()).unwrap();
    operator.keep_drill(&Drill { outcome: None, ..drill() }).unwrap();
    operator.keep_drill(&drill()).unwrap();
    observer.apply(&[Delta::Finding(finding())]).unwrap();
    let snapshot = observer.snapshot().unwrap();
    assert_eq!((snapshot.findings, snapshot.decisions), (vec![finding()], vec![accepted()]));
    assert_eq!(snapshot.drills, [drill()]);
}

#[test]
fn snapshots_are_in_order_of_id_whatever_the_order_of_writing() {
    let mut forth = begun(&Place::Memory);
    let mut back = begun(&Place::Memory);
    let deltas: Vec<Delta> = (0..50).map(|caller| Delta::Edge(edge(caller, 1))).collect();
    forth.apply(&deltas).unwrap();
    for delta in deltas.iter().rev() {
        back.apply(std::slice::from_ref(delta)).unwrap();
    }
    let snapshot = forth.snapshot().unwrap();
    assert!(snapshot.edges.is_sorted_by(|a, b| a.id < b.id));
    assert_eq!(snapshot, back.snapshot().unwrap());
}

#[test]
fn a_reader_sees_what_a_writer_commits() {
    let directory = TempDir::new().unwrap();
    let mut writer = begun(&place(&directory));
    let reader = Store::open_read_only(place(&directory)).unwrap();
    assert!(reader.snapshot().unwrap().edges.is_empty());
    writer.apply(&[Delta::Edge(edge(1, 1))]).unwrap();
    assert_eq!(reader.snapshot().unwrap().edges.len(), 1);
}

#[test]
fn the_latest_flows_of_an_edge_are_kept_and_no_more() {
    let limits = Limits { flows_per_edge: 3, flows: 4, removed_per_call: 2 };
    let one = edge(1, 1);
    let mut store = begun(&Place::Memory);
    store.set_limits(limits);
    let batch: Vec<Delta> = (0..10).map(|n| Delta::Flow(flow(n, Some(&one), at(n.cast_signed())))).collect();
    store.apply(&batch).unwrap();
    for number in 10_i64..12 {
        store.apply(&[Delta::Flow(flow(number.cast_unsigned(), Some(&one), at(number)))]).unwrap();
    }
    let numbers = |store: &Store| -> Vec<u64> {
        store.flows_of_edge(&one.id, 100).unwrap().iter().map(|flow| flow.number).collect()
    };
    assert_eq!(numbers(&store), [11, 10, 9]);
    // A flow that is judged anew stays one flow.
    store.apply(&[Delta::Flow(flow(10, Some(&one), at(20)))]).unwrap();
    assert_eq!(numbers(&store), [10, 11, 9]);
    // Flows of no edge have their own three.
    let stray: Vec<Delta> = (100..105_u64).map(|n| Delta::Flow(flow(n, None, at(n.cast_signed())))).collect();
    store.apply(&stray).unwrap();
    assert_eq!(store.latest_flows(100).unwrap().len(), 6);
    // In all four; two go at a call.
    assert_eq!(store.retain(at(-1)).unwrap(), 2);
    assert_eq!(store.retain(at(-1)).unwrap(), 0);
    assert_eq!(store.latest_flows(100).unwrap().len(), 4);
    // By age, two at a call.
    assert_eq!(store.retain(at(1_000)).unwrap(), 2);
    assert_eq!(store.retain(at(1_000)).unwrap(), 2);
    assert_eq!(store.retain(at(1_000)).unwrap(), 0);
    assert_eq!(store.edge(&one.id).unwrap(), None, "no edge was written here");
}

#[test]
fn flow_numbers_of_two_runs_do_not_meet() {
    let directory = TempDir::new().unwrap();
    let one = edge(1, 1);
    for run in 0_i64..2 {
        let mut store = Store::open(place(&directory)).unwrap();
        store.begin_session(at(run * 10)).unwrap();
        store.apply(&[Delta::Flow(flow(1, Some(&one), at(run * 10 + 1)))]).unwrap();
    }
    assert_eq!(Store::open_read_only(place(&directory)).unwrap().flows_of_edge(&one.id, 9).unwrap().len(), 2);
}

#[test]
fn time_between_runs_is_blind() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    let mut store = Store::open(place.clone()).unwrap();
    assert_eq!(store.begin_session(at(0)).unwrap(), None);
    store.apply(&graph()).unwrap(); // tells of moments up to 9
    store.end_session(at(20)).unwrap();
    drop(store);

    let mut store = Store::open(place.clone()).unwrap();
    let blind = store.begin_session(at(30)).unwrap().unwrap();
    assert_eq!((blind.from, blind.to, blind.reason.as_str()), (at(20), at(30), "not running"));
    store.touch_session(at(40)).unwrap();
    drop(store); // not ended: as after a kill

    let mut store = Store::open(place.clone()).unwrap();
    let crash = store.begin_session(at(50)).unwrap().unwrap();
    assert_eq!((crash.from, crash.to), (at(40), at(50)));
    assert!(crash.reason.starts_with("not running; the run before did not end in order"));
    assert_eq!(store.snapshot().unwrap().coverage.blind, [blind, crash]);
    // What the pipeline hands back of it is not counted twice.
    let restored = store.snapshot().unwrap().coverage;
    store.apply(&[Delta::Coverage(restored.clone())]).unwrap();
    assert_eq!(store.snapshot().unwrap().coverage, restored);
    store.end_session(at(60)).unwrap();

    // A replay of something older leaves no blind time.
    assert_eq!(store.begin_session(at(-100)).unwrap(), None);
    assert_eq!(store.snapshot().unwrap().window, Some((at(-100), at(60))));
}

#[test]
fn one_writer_at_a_time() {
    let directory = TempDir::new().unwrap();
    let mut first = begun(&place(&directory));
    let mut second = Store::open(place(&directory)).unwrap();
    assert!(matches!(second.begin_session(at(1)), Err(StoreError::InUse { .. })));
    first.end_session(at(2)).unwrap();
    assert!(second.begin_session(at(3)).unwrap().is_some());
}

#[test]
fn nothing_is_written_outside_a_run() {
    let mut store = Store::open(Place::Memory).unwrap();
    assert!(matches!(store.apply(&graph()), Err(StoreError::NoSession { .. })));
}
