//! Bad input and bad days: what, where, what to do next; the right exit code; never a panic.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::logs;
use crate::run::{expect, failed, said, tierzero, told};

#[test]
fn each_says_what_where_and_what_next() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut texts = String::new();
    let mut case = |name: &str, code: i32, arguments: &[&str]| {
        texts.push_str(&format!(
            "## {name}\n$ tierzero {}\n{}\n",
            arguments.join(" "),
            failed(home, code, arguments)
        ));
    };
    case("no database yet", 1, &["--db", "absent.db", "edges"]);
    fs::write(home.join("junk.db"), "this is no database, and long enough to be looked at ".repeat(40))
        .unwrap();
    case("corrupt database", 1, &["--db", "junk.db", "edges"]);
    case("corrupt database, to be written", 1, &["--db", "junk.db", "observe", "--for", "1s"]);
    case("memory holds nothing to read", 2, &["--db", ":memory:", "edges"]);
    case("configuration that is not there", 1, &["--config", "absent.toml", "observe"]);
    fs::write(home.join("unknown.toml"), "[limits]\nshort_lived_s = 900\nshort_lifed = 1\n").unwrap();
    case("unknown key", 1, &["--config", "unknown.toml", "observe"]);
    fs::write(home.join("regex.toml"), "[[agent]]\nname = \"a\"\nargv = \"agent(\"\n").unwrap();
    case("bad regular expression", 1, &["--config", "regex.toml", "replay", "x.tzlog"]);
    case("a log that is not there", 1, &["replay", "absent.tzlog"]);
    fs::write(home.join("capture.pcap"), b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00").unwrap();
    case("a capture", 1, &["replay", "capture.pcap"]);
    fs::write(home.join("damaged.tzlog"), logs::damaged()).unwrap();
    case("a damaged log", 1, &["replay", "damaged.tzlog"]);
    fs::write(home.join("small.tzlog"), logs::small()).unwrap();
    told(home, &["--db", "small.db", "replay", "small.tzlog"]);
    case("an id that is not there", 1, &["--db", "small.db", "explain", "e-zzz"]);
    case("an ambiguous id", 1, &["--db", "small.db", "explain", "l-"]);
    case(
        "a record that is there already",
        1,
        &["--db", "new.db", "observe", "--record", "small.tzlog", "--for", "1s"],
    );
    case(
        "an export into nowhere",
        1,
        &["--db", "small.db", "export", "--format", "json", "-o", "no/such/file"],
    );
    case("a wrong word", 2, &["edges", "--verdict", "fine"]);
    case("a wrong time", 2, &["edges", "--since", "soon"]);
    case("a wrong duration", 2, &["observe", "--for", "0"]);
    expect("errors.txt", &texts);
}

#[test]
fn a_truncated_log_gives_what_comes_before_the_cut() {
    let home = tempfile::tempdir().unwrap();
    let whole = logs::small();
    let cut = whole.get(..whole.len() - 40).unwrap();
    fs::write(home.path().join("whole.tzlog"), &whole).unwrap();
    fs::write(home.path().join("cut.tzlog"), cut).unwrap();
    let of_whole = told(home.path(), &["replay", "whole.tzlog"]);
    let of_cut = said(home.path(), &["replay", "cut.tzlog"]);
    assert_eq!(of_cut.code, Some(0), "{}", of_cut.stderr);
    assert!(of_cut.stderr.contains("ends within line"), "{}", of_cut.stderr);
    assert!(of_cut.stdout.contains("log-truncated"), "{}", of_cut.stdout);
    assert_eq!(of_whole.lines().next(), of_cut.stdout.lines().next());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("small.tzlog"), logs::small()).unwrap();
    for arguments in [&["replay", "small.tzlog"][..], &["replay", "--json", "small.tzlog"], &["--help"]] {
        let mut child =
            tierzero(home.path(), arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn a_second_observer_on_one_database_is_told() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    fs::write(home.join("small.tzlog"), logs::small()).unwrap();
    told(home, &["--db", "one.db", "replay", "small.tzlog"]);
    let lock = fs::File::options().write(true).open(home.join("one.db.lock")).unwrap();
    lock.lock().unwrap();
    let text = failed(home, 1, &["--db", "one.db", "observe", "--for", "1s"]);
    assert!(text.contains("another tierzero writes into"), "{text}");
    assert!(text.contains("next:"), "{text}");
}

#[test]
fn a_directory_that_may_not_be_written_is_named() {
    let home = tempfile::tempdir().unwrap();
    let closed = home.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(closed.join("probe"), "").is_ok() {
        println!("skipped: this user may write everywhere");
        return;
    }
    let text = failed(home.path(), 1, &["--db", "closed/x.db", "observe", "--for", "1s"]);
    assert!(text.contains("closed/x.db") && text.contains("next:"), "{text}");
}
