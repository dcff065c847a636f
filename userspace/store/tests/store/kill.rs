//! `kill -9` in the middle of writing: everything that `apply` had returned for is there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::fixture::{at, edge, flow};
use tempfile::TempDir;
use tierzero_core::graph::Delta;
use tierzero_store::{Limits, Place, Store};

const ROUNDS: u64 = 24;
const DATABASE: &str = "TIERZERO_KILL_TEST_DATABASE";

/// The child: writes batches until it is killed, and says which are committed.
#[test]
#[ignore = "run as a child of what_was_committed_survives_kill_9"]
fn child_writes_until_killed() {
    let Some(path) = std::env::var_os(DATABASE) else { return };
    let mut store = Store::open(Place::File(path.into())).unwrap();
    let begun = store.snapshot().unwrap().edges.len() as u64;
    store.begin_session(at(begun.cast_signed())).unwrap();
    store.set_limits(Limits { flows_per_edge: 5, flows: 100, removed_per_call: 1_000 });
    let mut stdout = std::io::stdout().lock();
    for number in begun.. {
        let one = edge(number, number);
        let mut deltas = vec![Delta::Edge(one.clone())];
        deltas.extend(
            (0..20).map(|n| Delta::Flow(flow(number * 20 + n, Some(&one), at(number.cast_signed())))),
        );
        store.apply(&deltas).unwrap();
        writeln!(stdout, "committed {number}").unwrap();
        stdout.flush().unwrap();
        if number % 50 == 0 {
            store.retain(at(0)).unwrap();
        }
    }
}

#[test]
fn what_was_committed_survives_kill_9() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("tierzero.db");
    let mut committed = None;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child_writes_until_killed", "--ignored", "--nocapture"])
            .env(DATABASE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Not before the first commit of this round, then at any moment of the writing.
        let mut said = lines.by_ref().map(Result::unwrap).filter_map(|line| {
            line.rsplit_once("committed ").and_then(|(_, number)| number.parse::<u64>().ok())
        });
        committed = said.next().or(committed);
        let jitter =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos() % 40_000;
        std::thread::sleep(Duration::from_micros(u64::from(jitter)));
        child.kill().unwrap();
        committed = said.last().or(committed);
        child.wait().unwrap();

        let last = committed.expect("the child committed something");
        let store = Store::open(Place::File(path.clone())).unwrap(); // walks the file
        let there = store.snapshot().unwrap().edges.len() as u64;
        assert!(
            there == last + 1 || there == last + 2,
            "round {round}: {there} edges, {last} was the last reported"
        );
        for number in 0..=last {
            let one = edge(number, number);
            assert_eq!(store.edge(&one.id).unwrap(), Some(one), "round {round}");
        }
        let verdict: String = rusqlite::Connection::open(&path)
            .unwrap()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok", "round {round}");
    }
    let store = Store::open_read_only(Place::File(path)).unwrap();
    let blind = store.snapshot().unwrap().coverage.blind;
    assert!(blind.iter().all(|interval| interval.reason.contains("did not end in order")), "{blind:?}");
}
