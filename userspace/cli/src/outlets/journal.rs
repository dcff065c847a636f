//! The journal, by its native protocol: one datagram an entry, a field a line, so that `journalctl
//! TIERZERO_TYPE=bridge-direct` finds it (systemd's "Native Journal Protocol").

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::fstat;
use tierzero_core::finding::{Finding, Severity};

use super::{Receiver, Sent};
use crate::error::{Failure, Outcome};

/// Where journald listens.
pub(crate) const SOCKET: &str = "/run/systemd/journal/socket";
/// Longest wait for room in the journal's queue.
const LONGEST: Duration = Duration::from_secs(2);
/// What all of these entries have in common (sd-id128(3)): chosen once at random.
const MESSAGE_ID: &str = "0c1f5d3f7a5e4b0a9a4b5a1de3c7f286";

/// The journal's socket.
#[derive(Debug)]
pub(crate) struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Journal {
    /// For the journal at `path`; that it listens there is asked at once.
    pub(crate) fn at(path: &Path) -> Outcome<Self> {
        let failed = |error: io::Error| {
            Failure::new("the journal can't be reached; nothing was started")
                .at_file(path)
                .because(error)
                .next("leave out --journal, or name journald's socket: --journal=SOCKET")
        };
        let socket = UnixDatagram::unbound().map_err(failed)?;
        // A full queue is waited for, and it is short (unix(7), max_dgram_qlen: 10); but not for ever.
        socket.set_write_timeout(Some(LONGEST)).map_err(failed)?;
        let probe = UnixDatagram::unbound().map_err(failed)?;
        probe.connect(path).map_err(failed)?;
        Ok(Self { socket, path: path.to_owned() })
    }
}

impl Receiver for Journal {
    const NAME: &'static str = "journal";

    fn send(&mut self, finding: &Finding) -> Sent {
        let whole = self.socket.send_to(&entry(finding, true), &self.path);
        let sent = match whole {
            // Longer than a datagram may be: the entry without its JSON is at most some kilobytes.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) => {
                self.socket.send_to(&entry(finding, false), &self.path)
            }
            sent => sent,
        };
        match sent {
            Ok(_) => Sent::Taken,
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) => {
                Sent::Refused("the entry is too long for a datagram".to_owned())
            }
            Err(error) => Sent::Later(error.to_string()),
        }
    }
}

/// Is the journal what stderr is connected to? Its device and inode are then in JOURNAL_STREAM (systemd.exec(5)).
pub(crate) fn is_stderr() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    is_stream(&stream, io::stderr())
}

/// Is this open file the one of device and inode `DEVICE:INODE`?
fn is_stream(stream: &str, file: impl AsFd) -> bool {
    fstat(file).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// One entry; `whole` with the finding as JSON in it.
fn entry(finding: &Finding, whole: bool) -> Vec<u8> {
    let Finding { id, kind, severity, subjects, count, first, last, edges: _, callers: _, says, turns } =
        finding;
    let mut entry = Vec::new();
    let turn = turns.last().map(|turn| format!(" ({})", turn.why)).unwrap_or_default();
    field(
        &mut entry,
        "MESSAGE",
        &format!("{} ({} severity): {says}{turn}", kind.as_str(), severity.as_str()),
    );
    field(&mut entry, "MESSAGE_ID", MESSAGE_ID);
    // As of syslog(3): warning, notice, informational.
    let priority = match severity {
        Severity::High => "4",
        Severity::Medium => "5",
        Severity::Low => "6",
    };
    field(&mut entry, "PRIORITY", priority);
    field(&mut entry, "SYSLOG_IDENTIFIER", "tierzero");
    field(&mut entry, "TIERZERO_FINDING", id.as_str());
    field(&mut entry, "TIERZERO_TYPE", kind.as_str());
    field(&mut entry, "TIERZERO_SEVERITY", severity.as_str());
    field(&mut entry, "TIERZERO_RULE", kind.rule());
    field(&mut entry, "TIERZERO_COUNT", &count.to_string());
    field(&mut entry, "TIERZERO_FIRST", &first.to_string());
    field(&mut entry, "TIERZERO_LAST", &last.to_string());
    for subject in subjects {
        field(&mut entry, "TIERZERO_SUBJECT", subject.as_str());
    }
    if whole {
        field(&mut entry, "TIERZERO_JSON", &tierzero_export::lines::finding(finding));
    }
    entry
}

/// `NAME=value`, or where the value has a line break the name, its length in 64 bits little endian, and the value.
fn field(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&u64::try_from(value.len()).unwrap_or(u64::MAX).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlets::tests::finding;

    #[test]
    fn an_entry_arrives_at_the_socket_field_by_field() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("socket");
        assert!(Journal::at(&path).is_err(), "nobody listens there");
        let journald = UnixDatagram::bind(&path).unwrap();
        let mut journal = Journal::at(&path).unwrap();
        assert_eq!(journal.send(&finding(7)), Sent::Taken);
        let mut bytes = vec![0; 1 << 16];
        let length = journald.recv(&mut bytes).unwrap();
        let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
        assert!(text.starts_with("MESSAGE=bridge-direct (high severity): "), "{text}");
        for line in ["PRIORITY=4", "TIERZERO_TYPE=bridge-direct", "SYSLOG_IDENTIFIER=tierzero"] {
            assert!(text.lines().any(|it| it == line), "{line}: {text}");
        }
        let json = text.lines().find_map(|line| line.strip_prefix("TIERZERO_JSON=")).unwrap();
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(json["finding"], "bridge-direct");
        drop(journald);
        assert!(matches!(journal.send(&finding(8)), Sent::Later(_)));
    }

    #[test]
    fn a_burst_longer_than_the_sockets_queue_arrives_without_a_pause() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        let mut journal = Journal::at(&path).unwrap();
        let sender =
            std::thread::spawn(move || (0..200).all(|number| journal.send(&finding(number)) == Sent::Taken));
        let mut bytes = vec![0; 1 << 16];
        let begun = std::time::Instant::now();
        for _ in 0..200 {
            assert!(journald.recv(&mut bytes).unwrap() > 0);
        }
        assert!(sender.join().unwrap());
        assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
    }

    #[test]
    fn the_journal_is_known_by_device_and_inode() {
        let (one, other) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let stat = fstat(&one).unwrap();
        let stream = format!("{}:{}", stat.st_dev, stat.st_ino);
        assert!(is_stream(&stream, &one));
        assert!(!is_stream(&stream, &other) && !is_stream("", &one));
    }

    #[test]
    fn a_line_break_makes_no_second_field() {
        let mut entry = Vec::new();
        field(&mut entry, "MESSAGE", "one\nPRIORITY=0");
        assert_eq!(entry, b"MESSAGE\n\x0e\0\0\0\0\0\0\0one\nPRIORITY=0\n");
    }
}
