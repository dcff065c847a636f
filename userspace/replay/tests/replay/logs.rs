//! Event logs written, read back, cut short and damaged.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;

use jiff::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;
use tierzero_core::event::{Coverage, Event, What};
use tierzero_core::evidence::observation::{Observation, Rule, RuleRef, Shown};
use tierzero_core::evidence::{Level, Source, rules};
use tierzero_core::id::EndKey;
use tierzero_replay::{Header, Kind, LINE_BYTES, LogReader, LogWriter, ReplayError, Truncated, detect};

use crate::samples::{KINDS, at, everything, kind, payload};

fn header() -> Header {
    Header::new("0.1.0", at(0))
}

fn log(events: &[Event]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = LogWriter::new(&mut bytes, &header()).unwrap();
    for event in events {
        writer.write(event).unwrap();
    }
    writer.flush().unwrap();
    drop(writer);
    bytes
}

fn read(bytes: &[u8]) -> Result<Vec<Event>, ReplayError> {
    LogReader::new(Cursor::new(bytes))?.collect()
}

#[test]
fn every_kind_of_event_comes_back_as_it_was() {
    let events = everything();
    assert!((0..KINDS).all(|wanted| events.iter().any(|event| kind(&event.what) == wanted)));
    let bytes = log(&events);
    assert_eq!(read(&bytes).unwrap(), events);
    assert_eq!(log(&read(&bytes).unwrap()), bytes, "written again, the same bytes");
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), events.len() + 1);
}

#[test]
fn every_rule_comes_back_by_its_id() {
    for rule in rules() {
        let observations = vec![Observation { rule: RuleRef(rule), shown: Shown::Declines }];
        let events =
            [Event { at: at(1), what: What::Observed { end: EndKey::Tcp { cookie: 1 }, observations } }];
        assert_eq!(read(&log(&events)).unwrap(), events, "{}", rule.id);
    }
}

#[test]
fn payload_has_no_written_form() {
    let mut bytes = Vec::new();
    let mut writer = LogWriter::new(&mut bytes, &header()).unwrap();
    let error = writer.write(&Event { at: at(1), what: payload() }).unwrap_err();
    assert!(matches!(error, ReplayError::NotRecordable { .. }), "{error}");
    writer.write(&Event { at: at(2), what: What::Started }).unwrap();
    assert_eq!(writer.events(), 1);
    writer.flush().unwrap();
    drop(writer);
    assert_eq!(
        read(&bytes).unwrap(),
        [Event { at: at(2), what: What::Started }],
        "nothing of it was left in the log"
    );
    assert!(!String::from_utf8_lossy(&bytes).contains("marker"));
    let smuggled = b"{\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"payload\",\"bytes\":[1]}\n";
    assert!(matches!(read(&[&bytes[..], smuggled].concat()), Err(ReplayError::Newer { line: 3, .. })));
}

#[test]
fn a_log_cut_anywhere_gives_what_came_before_and_says_so() {
    let events = everything();
    let bytes = log(&events);
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in first..bytes.len() {
        let reader = LogReader::new(Cursor::new(&bytes[..cut])).unwrap();
        let got: Vec<Event> = reader.collect::<Result<_, _>>().unwrap();
        let whole = bytes[first..cut].iter().filter(|byte| **byte == b'\n').count();
        // Cut just before a newline, the line is still whole.
        let clean = bytes[cut - 1] == b'\n';
        if clean || got.last() == events.get(whole) {
            assert!(clean || bytes[cut] == b'\n', "cut at {cut}");
            assert_eq!(got, events[..got.len()], "cut at {cut}");
            continue;
        }
        assert_eq!(got.len(), whole + 1, "cut at {cut}");
        assert_eq!(got[..whole], events[..whole]);
        let last = got.last().unwrap();
        assert_eq!(last.at, if whole == 0 { at(0) } else { events[whole - 1].at });
        assert!(matches!(&last.what, What::Coverage(Coverage::Degraded(cut)) if cut.name == "log-truncated"));
    }
}

#[test]
fn the_reader_tells_where_it_was_cut_and_how_far_it_is() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("run.jsonl");
    let mut bytes = log(&everything()[..2]);
    bytes.truncate(bytes.len() - 5);
    fs::write(&path, &bytes).unwrap();
    let mut reader = LogReader::open(&path).unwrap();
    assert_eq!(reader.header(), &header());
    assert_eq!(reader.bytes_total(), Some(bytes.len() as u64));
    assert_eq!(reader.by_ref().count(), 2);
    assert!(matches!(reader.truncated(), Some(Truncated { line: 3, .. })));
    assert_eq!(reader.bytes_read(), bytes.len() as u64);
    assert!(reader.next().is_none());
}

#[test]
fn a_damaged_line_is_named_and_ends_the_log() {
    let mut bytes = log(&everything()[..2]);
    bytes.extend(b"{\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"released\"}\n");
    bytes.extend(log(&everything()[..1]).split_inclusive(|byte| *byte == b'\n').next_back().unwrap());
    let mut reader = LogReader::new(Cursor::new(&bytes)).unwrap();
    assert!(reader.next().unwrap().is_ok() && reader.next().unwrap().is_ok());
    let error = reader.next().unwrap().unwrap_err();
    assert!(matches!(error, ReplayError::Damaged { line: 4, .. }), "{error}");
    assert!(reader.next().is_none());
}

#[test]
fn what_a_later_program_wrote_is_told_as_such() {
    static LATER: Rule = Rule {
        id: "gopher.later",
        version: 1,
        level: Level::Observed,
        source: Source::Wire,
        shows: "",
        limits: "",
        inside: None,
    };
    let observations = vec![Observation { rule: RuleRef(&LATER), shown: Shown::Accepts }];
    let event = Event {
        at: at(1),
        what: What::Observed { end: EndKey::Capture { flow: 1, udp: false }, observations },
    };
    let error = read(&log(&[event])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2: unknown rule of evidence `gopher.later`; the log was recorded by a newer tierzero (0.1.0)"
    );
    let mut bytes = log(&[]);
    bytes.extend(b"{\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"teleported\"}\n");
    let error = read(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2: unknown variant `teleported`; the log was recorded by a newer tierzero (0.1.0)"
    );
    let error = read(b"{\"schema\":\"tierzero/events/2\",\"tool\":\"9.0.0\",\"sections\":3}\n").unwrap_err();
    assert!(matches!(&error, ReplayError::Newer { line: 1, tool, .. } if tool == "9.0.0"), "{error}");
}

#[test]
fn something_else_is_told_by_its_content() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("run.jsonl");
    for (content, kind) in
        [(&b""[..], Kind::Empty), (b"\xd4\xc3\xb2\xa1", Kind::Pcap), (b"hello", Kind::Unknown)]
    {
        fs::write(&path, content).unwrap();
        assert_eq!(detect(&path).unwrap(), kind);
        let error = LogReader::open(&path).unwrap_err();
        assert!(error.to_string().starts_with("neither a recorded event log"), "{error}");
    }
    assert!(matches!(LogReader::open(&directory.path().join("no")).unwrap_err(), ReplayError::File { .. }));
    assert!(LogReader::open(directory.path()).is_err());
}

#[test]
fn a_line_without_end_is_refused_before_it_is_kept() {
    let mut bytes = log(&[]);
    bytes.resize(bytes.len() + LINE_BYTES + 100, b' ');
    assert!(matches!(read(&bytes).unwrap_err(), ReplayError::TooLong { line: 2 }));
}

#[test]
fn a_recording_is_for_its_owner_and_never_written_over() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("run.jsonl");
    let mut writer = LogWriter::create(&path, &header()).unwrap();
    writer.write(&Event { at: at(1), what: What::Started }).unwrap();
    assert_eq!(writer.finish().unwrap(), 1);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(LogWriter::create(&path, &header()), Err(ReplayError::Exists { .. })));
    assert_eq!(LogReader::open(&path).unwrap().count(), 1);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_go_on_for_ever(tail in proptest::collection::vec(any::<u8>(), 0..400)) {
        let bytes = [log(&[]), tail].concat();
        let reader = LogReader::new(Cursor::new(&bytes)).unwrap();
        prop_assert!(reader.count() <= bytes.len());
    }

    #[test]
    fn a_flipped_byte_is_an_error_or_another_event_and_never_a_panic(place in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = log(&everything());
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        if let Ok(events) = read(&bytes) {
            prop_assert!(events.len() <= everything().len() + 1);
        }
    }

    #[test]
    fn any_time_and_any_name_comes_back(second in -62_135_596_800_i64..253_402_207_200, name in any::<String>()) {
        let at = Timestamp::from_second(second).unwrap();
        let netns = tierzero_core::id::Netns(0);
        let event = Event { at, what: What::NetnsSeen { netns, name: Some(name), addresses: Vec::new() } };
        prop_assert_eq!(read(&log(std::slice::from_ref(&event))).unwrap(), vec![event]);
    }
}
