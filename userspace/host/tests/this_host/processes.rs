//! Processes, told in time and by the right name.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use nix::sys::stat::{major, minor};
use tierzero_core::event::{Event, Process, ProgramFile, What};
use tierzero_core::id::{EndKey, ProcessKey};
use tierzero_host::Host;

use super::{now, process};

#[test]
fn a_process_that_was_not_told_is_told_before_its_first_event() {
    let mut host = Host::new().unwrap();
    let (events, _) = host.snapshot(now());
    let me = process(&events, std::process::id()).clone();
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let (later, _) = Host::new().unwrap().snapshot(now());
    let key = process(&later, child.id()).key;

    let ended = |process| Event {
        at: now(),
        what: What::Released {
            end: EndKey::Tcp { cookie: 1 },
            process,
            bytes_sent: None,
            bytes_received: None,
        },
    };
    let mut before = Vec::new();
    host.enrich(&mut ended(Some(key)), &mut before);
    let told = process(&before, child.id());
    assert_eq!((told.parent, told.comm.as_str(), told.netns), (Some(me.key), "sleep", me.netns));
    assert!(told.exe.as_ref().unwrap().starts_with('/'));
    before.clear();
    host.enrich(&mut ended(Some(key)), &mut before);
    // A reused pid is not the same process.
    host.enrich(&mut ended(Some(ProcessKey { start_ticks: key.start_ticks + 1, ..key })), &mut before);
    assert!(before.is_empty());

    let mut executed = Event {
        at: now(),
        what: What::Executed {
            process: Process {
                exe: Some("./sleep".to_owned()),
                place: None,
                ..told_again(&later, child.id())
            },
            file: None,
        },
    };
    host.enrich(&mut executed, &mut before);
    assert!(
        matches!(&executed.what, What::Executed { process, .. } if process.exe == process_exe(&later, child.id()))
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

fn told_again(events: &[Event], pid: u32) -> Process {
    process(events, pid).clone()
}

fn process_exe(events: &[Event], pid: u32) -> Option<String> {
    process(events, pid).exe.clone()
}

#[test]
fn a_program_run_by_a_link_and_gone_already_is_named_as_one_that_still_runs() {
    let mut host = Host::new().unwrap();
    let (events, _) = host.snapshot(now());
    let me = process(&events, std::process::id()).clone();
    let tree = std::env::temp_dir().join(format!("tierzero-link-{}", std::process::id()));
    std::fs::create_dir_all(&tree).unwrap();
    let link = tree.join("linked");
    let program = std::fs::canonicalize("/bin/sh").unwrap();
    std::os::unix::fs::symlink(&program, &link).unwrap();
    let of = |path: &std::path::Path| {
        let found = std::fs::metadata(path).unwrap();
        let part = |number: u64| u32::try_from(number).unwrap();
        let device = (part(major(found.dev())), part(minor(found.dev())));
        Some(ProgramFile { device, inode: found.ino() })
    };
    let ran = of(&program);
    let mut named = |given: &str, file| {
        // A process of this pid and start never was: /proc can't be asked any more.
        let key = ProcessKey { pid: u32::MAX, start_ticks: 1 };
        let process = Process { key, exe: Some(given.to_owned()), ..me.clone() };
        let mut event = Event { at: now(), what: What::Executed { process, file } };
        host.enrich(&mut event, &mut Vec::new());
        match event.what {
            What::Executed { process, file: None } => process.exe,
            other => panic!("{other:?}"),
        }
    };
    let given = link.to_str().unwrap();
    assert_eq!(named(given, ran).as_deref(), program.to_str());
    // The file is not known, is another by now or in another tree, stands somewhere, or nowhere: as it was given.
    assert_eq!(named(given, None).as_deref(), Some(given));
    assert_eq!(named(given, of(&tree)).as_deref(), Some(given));
    assert_eq!(named("./linked", ran).as_deref(), Some("./linked"));
    assert_eq!(named("/nowhere/linked", ran).as_deref(), Some("/nowhere/linked"));
    std::fs::remove_dir_all(&tree).unwrap();
}
