//! What can go wrong with a log, and what to do next.

use std::io;
use std::path::PathBuf;

use crate::LINE_BYTES;
use crate::detect::Kind;

/// Why a log could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file to write is there already.
    #[error("{} is there already", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// The file system said no.
    #[error("{doing} failed: {source}")]
    File {
        /// What was tried, with the file's name where there is one.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The content is something else.
    #[error("neither a recorded event log nor a packet capture: it looks like {kind}")]
    NotALog {
        /// What it looks like.
        kind: Kind,
    },
    /// A newer program recorded it: the schema, an event or a rule of evidence is not known here.
    #[error("line {line}: {says}; the log was recorded by a newer tierzero ({tool})")]
    Newer {
        /// Line number, from 1.
        line: u64,
        /// What is not known.
        says: String,
        /// Version of the program that recorded it, where the header says.
        tool: String,
    },
    /// A line is no event.
    #[error("line {line} is damaged: {says}")]
    Damaged {
        /// Line number, from 1.
        line: u64,
        /// Why.
        says: String,
    },
    /// A line is longer than any event.
    #[error("line {line} is longer than {LINE_BYTES} bytes")]
    TooLong {
        /// Line number, from 1.
        line: u64,
    },
    /// The event has no written form: it carries payload, or would be longer than a line may be.
    #[error("the event can't be recorded: {says}")]
    NotRecordable {
        /// Why.
        says: String,
    },
}

impl ReplayError {
    /// What to do next, in one sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Exists { .. } => "choose another name; a recording is never written over",
            Self::File { source, .. } => {
                #[expect(clippy::wildcard_enum_match_arm, reason = "io::ErrorKind is open; the rest share one answer")]
                match source.kind() {
                    io::ErrorKind::NotFound => "check the path",
                    io::ErrorKind::PermissionDenied => "run as the user who owns the file (recordings are mode 0600)",
                    io::ErrorKind::StorageFull => "free some room; what was written before is a readable log",
                    _ => "see what the system said",
                }
            }
            Self::NotALog { .. } => "give a file that `tierzero observe --record FILE` wrote, or a pcap or pcapng capture",
            Self::Newer { .. } => "replay it with the tierzero that recorded it, or a later one",
            Self::Damaged { .. } | Self::TooLong { .. } => {
                "the log was changed after it was recorded; to use what comes before, cut it there (`head -n`)"
            }
            Self::NotRecordable { .. } => "this is a defect of tierzero: please report it",
        }
        .to_owned()
    }
}
