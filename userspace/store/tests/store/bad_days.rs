//! Files that are damaged, foreign, newer, unwritable or out of room: each a clear error, and nothing stored is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fixture::{at, edge, graph, workload};
use rusqlite::Connection;
use tempfile::TempDir;
use tierzero_core::graph::Delta;
use tierzero_store::{Place, Store, StoreError};

fn database(directory: &TempDir) -> PathBuf {
    directory.path().join("tierzero.db")
}

fn filled(path: &Path) {
    let mut store = Store::open(Place::File(path.to_owned())).unwrap();
    store.begin_session(at(0)).unwrap();
    store.apply(&graph()).unwrap();
    let many: Vec<Delta> = (0..200).map(|caller| Delta::Edge(edge(caller, 1))).collect();
    store.apply(&many).unwrap();
    store.end_session(at(10)).unwrap();
}

fn refused(path: &Path) -> [StoreError; 2] {
    let place = Place::File(path.to_owned());
    [Store::open(place.clone()).unwrap_err(), Store::open_read_only(place).unwrap_err()]
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

#[test]
fn absent() {
    let directory = TempDir::new().unwrap();
    let error = Store::open_read_only(Place::File(database(&directory))).unwrap_err();
    assert!(matches!(error, StoreError::Absent { .. }), "{error}");
    assert!(error.hint().contains("tierzero observe"));
    assert!(!database(&directory).exists(), "reading makes no file");
}

#[test]
fn directory_and_files_are_for_the_owner_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a/b/tierzero.db");
    let mut store = Store::open(Place::File(path.clone())).unwrap();
    store.begin_session(at(0)).unwrap();
    store.apply(&graph()).unwrap();
    store.installation_key().unwrap();
    let parent = path.parent().unwrap();
    assert_eq!(fs::metadata(parent).unwrap().permissions().mode() & 0o777, 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(parent).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(
        names,
        ["fingerprint.key", "tierzero.db", "tierzero.db-shm", "tierzero.db-wal", "tierzero.db.lock"]
    );
}

#[test]
fn no_database_at_all() {
    let directory = TempDir::new().unwrap();
    let path = database(&directory);
    fs::write(&path, "this is a letter to my landlord, not a database ".repeat(100)).unwrap();
    let before = fs::read(&path).unwrap();
    for error in refused(&path) {
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("tierzero.db") && error.hint().contains("move"), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn every_page_torn_once() {
    let directory = TempDir::new().unwrap();
    let path = database(&directory);
    filled(&path);
    let sound = fs::read(&path).unwrap();
    let pages = sound.len() / 4096;
    assert!(pages > 20, "{pages} pages");
    for page in 0..pages {
        let mut torn = sound.clone();
        torn[page * 4096..page * 4096 + 200].fill(0xA5);
        fs::write(&path, &torn).unwrap();
        let error = Store::open(Place::File(path.clone())).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "page {page}: {error}");
        assert_eq!(fs::read(&path).unwrap(), torn, "it was left as it is");
        // Reading alone doesn't walk the file first; it must not give a wrong graph or panic.
        let _ = Store::open_read_only(Place::File(path.clone())).and_then(|store| store.snapshot());
    }
}

#[test]
fn cut_short() {
    let directory = TempDir::new().unwrap();
    let path = database(&directory);
    filled(&path);
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2).unwrap();
    let error = Store::open(Place::File(path)).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[test]
fn a_body_that_is_not_ours_is_named() {
    let directory = TempDir::new().unwrap();
    let path = database(&directory);
    filled(&path);
    Connection::open(&path).unwrap().execute("UPDATE edge SET body = '{\"id\":1}'", []).unwrap();
    let error = Store::open_read_only(Place::File(path)).unwrap().snapshot().unwrap_err();
    assert!(error.to_string().contains("edge e-"), "{error}");
}

#[test]
fn of_another_program() {
    let directory = TempDir::new().unwrap();
    let path = database(&directory);
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE bookmarks (x)").unwrap();
    for error in refused(&path) {
        assert!(matches!(error, StoreError::NotOurs { application_id: 0, .. }), "{error}");
    }
}

#[test]
fn of_a_newer_program() {
    let directory = TempDir::new().unwrap();
    let path = database(&directory);
    filled(&path);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 9_999).unwrap();
    for error in refused(&path) {
        assert!(matches!(error, StoreError::Newer { found: 9_999, .. }), "{error}");
    }
}

#[test]
fn a_directory_and_a_missing_parent_that_can_not_be_made() {
    let directory = TempDir::new().unwrap();
    let error = Store::open(Place::File(directory.path().to_owned())).unwrap_err();
    assert!(matches!(error, StoreError::Other { .. }), "{error}");
    fs::write(directory.path().join("file"), "").unwrap();
    assert!(Store::open(Place::File(directory.path().join("file/tierzero.db"))).is_err());
}

/// A tmpfs of its own, unmounted when dropped.
struct Mounted {
    directory: TempDir,
}

impl Mounted {
    fn new(options: &str) -> Option<Self> {
        if !is_root() {
            skip("mounting needs root");
            return None;
        }
        let directory = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tierzero-test"])
            .arg(directory.path())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            skip("tmpfs can't be mounted here");
            return None;
        }
        Some(Self { directory })
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(self.directory.path())
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.directory.path()).status();
    }
}

#[test]
fn on_a_read_only_file_system_reading_works_and_writing_says_why_not() {
    let Some(mounted) = Mounted::new("size=8m") else { return };
    let path = database(&mounted.directory);
    filled(&path);
    mounted.remount("ro");
    let place = Place::File(path);
    let error = Store::open(place.clone()).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    assert!(error.hint().contains("writable"));
    assert_eq!(Store::open_read_only(place).unwrap().snapshot().unwrap().edges.len(), 200);
}

#[test]
fn a_full_file_system_loses_nothing_that_was_stored() {
    let Some(mounted) = Mounted::new("size=1m") else { return };
    let place = Place::File(database(&mounted.directory));
    let mut store = Store::open(place.clone()).unwrap();
    store.begin_session(at(0)).unwrap();
    let mut stored = 0;
    let (error, batch) = loop {
        let batch: Vec<Delta> = (stored..stored + 20).map(|caller| Delta::Edge(edge(caller, 1))).collect();
        match store.apply(&batch) {
            Ok(()) => stored += 20,
            Err(error) => break (error, batch),
        }
        assert!(stored < 100_000, "one megabyte never filled");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(error.is_temporary());
    assert!(stored >= 100, "only {stored} edges in a megabyte");
    assert_eq!(store.snapshot().unwrap().edges.len() as u64, stored);
    // A restart on a full disk: nothing is lost, and what can't be done says so.
    drop(store);
    match Store::open(place.clone()) {
        Ok(store) => assert_eq!(store.snapshot().unwrap().edges.len() as u64, stored),
        Err(error) => assert!(matches!(error, StoreError::Full { .. }), "{error}"),
    }
    // Room again: the same batch goes in.
    mounted.remount("size=8m");
    let mut store = Store::open(place).unwrap();
    store.begin_session(at(20)).unwrap();
    store.apply(&batch).unwrap();
    assert_eq!(store.snapshot().unwrap().edges.len() as u64, stored + 20);
}

#[test]
fn the_key_is_made_once_and_kept_from_others() {
    let directory = TempDir::new().unwrap();
    let place = Place::File(database(&directory));
    let key = Store::open(place.clone()).unwrap().installation_key().unwrap();
    assert_ne!(key, [0; 32]);
    let mut store = Store::open(place).unwrap();
    assert_eq!(store.installation_key().unwrap(), key);
    assert_eq!(
        fs::read_dir(directory.path())
            .unwrap()
            .filter(|e| e
                .as_ref()
                .is_ok_and(|e| e.file_name().to_string_lossy().starts_with("fingerprint.key.")))
            .count(),
        0
    );
    let stored = fs::read(database(&directory)).unwrap();
    assert!(!stored.windows(32).any(|window| window == key), "the key is not in the database");

    let path = directory.path().join("fingerprint.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = store.installation_key().unwrap_err();
    assert!(error.to_string().contains("0644"), "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "short").unwrap();
    let error = store.installation_key().unwrap_err();
    assert!(matches!(error, StoreError::Key { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"short", "it was left as it is");

    let mut memory = Store::open(Place::Memory).unwrap();
    assert_ne!(memory.installation_key().unwrap(), memory.installation_key().unwrap());
}

#[test]
fn names_from_outside_are_values_and_never_sql() {
    let directory = TempDir::new().unwrap();
    let mut store = Store::open(Place::File(database(&directory))).unwrap();
    store.begin_session(at(0)).unwrap();
    let hostile = workload("'; DROP TABLE workload; --\u{0}\n");
    store.apply(&[Delta::Workload(hostile.clone())]).unwrap();
    assert_eq!(store.snapshot().unwrap().workloads, [hostile]);
}
