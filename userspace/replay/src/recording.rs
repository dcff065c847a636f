//! A file of the past, whatever wrote it.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use tierzero_core::event::Event;

use crate::capture::CaptureReader;
use crate::detect::{Kind, detect};
use crate::error::ReplayError;
use crate::read::{LogReader, Truncated};

/// Reads a recorded event log or a packet capture, told apart by content.
pub enum Recording {
    /// What `observe --record` wrote.
    Log(LogReader<BufReader<File>>),
    /// A pcap or pcapng file.
    Capture {
        /// Its events.
        reader: CaptureReader,
        /// Bytes of the file.
        bytes_total: Option<u64>,
    },
}

impl Recording {
    /// Opens the file and looks at its beginning.
    ///
    /// # Errors
    /// [`ReplayError::File`] when it can't be read, [`ReplayError::NotALog`] when it is neither, and what
    /// [`LogReader::open`] says of logs.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        match detect(path)? {
            Kind::Pcap | Kind::Pcapng => {
                let failed =
                    |source| ReplayError::File { doing: format!("reading {}", path.display()), source };
                let file = File::open(path).map_err(failed)?;
                let bytes_total = file.metadata().ok().map(|it| it.len());
                // The name without its folder: the same capture is the same host wherever it lies.
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let reader =
                    CaptureReader::open(&name, file).ok_or(ReplayError::NotALog { kind: Kind::Unknown })?;
                Ok(Self::Capture { reader, bytes_total })
            }
            Kind::EventLog | Kind::Empty | Kind::Unknown => LogReader::open(path).map(Self::Log),
        }
    }

    /// Bytes of the file read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        match self {
            Self::Log(log) => log.bytes_read(),
            Self::Capture { reader, .. } => reader.bytes_read(),
        }
    }

    /// Bytes of the file, where it is a plain file.
    #[must_use]
    pub fn bytes_total(&self) -> Option<u64> {
        match self {
            Self::Log(log) => log.bytes_total(),
            Self::Capture { bytes_total, .. } => *bytes_total,
        }
    }

    /// Where a log was cut. A capture says so as coverage.
    #[must_use]
    pub fn truncated(&self) -> Option<Truncated> {
        match self {
            Self::Log(log) => log.truncated(),
            Self::Capture { .. } => None,
        }
    }
}

impl Iterator for Recording {
    type Item = Result<Event, ReplayError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Log(log) => log.next(),
            Self::Capture { reader, .. } => reader.next().map(Ok),
        }
    }
}
