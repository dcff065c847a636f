//! Recording.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use tierzero_core::event::Event;

use crate::LINE_BYTES;
use crate::error::ReplayError;
use crate::header::Header;

/// Writes a log, one event a line. Buffered: call [`LogWriter::flush`] at least each second, so that a kill costs no
/// more than a second of recording.
#[derive(Debug)]
pub struct LogWriter<W: Write> {
    out: BufWriter<W>,
    line: Vec<u8>,
    events: u64,
}

impl LogWriter<File> {
    /// Makes the file, readable by its owner alone, and writes the header. `path` must not be there yet.
    ///
    /// # Errors
    /// [`ReplayError::Exists`], [`ReplayError::File`].
    pub fn create(path: &Path, header: &Header) -> Result<Self, ReplayError> {
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|source| {
                if source.kind() == io::ErrorKind::AlreadyExists {
                    ReplayError::Exists { path: path.to_owned() }
                } else {
                    ReplayError::File { doing: format!("making {}", path.display()), source }
                }
            })?;
        Self::new(file, header)
    }

    /// Ends the log: everything is on the disk when this returns. Gives the number of events.
    ///
    /// # Errors
    /// [`ReplayError::File`].
    pub fn finish(mut self) -> Result<u64, ReplayError> {
        self.flush()?;
        self.out.get_ref().sync_all().map_err(writing)?;
        Ok(self.events)
    }
}

impl<W: Write> LogWriter<W> {
    /// Writes a log to `out`, beginning with the header.
    ///
    /// # Errors
    /// [`ReplayError::File`].
    pub fn new(out: W, header: &Header) -> Result<Self, ReplayError> {
        let mut log = Self { out: BufWriter::with_capacity(64 << 10, out), line: Vec::new(), events: 0 };
        serde_json::to_writer(&mut log.line, header)
            .map_err(|error| ReplayError::NotRecordable { says: error.to_string() })?;
        log.write_line()?;
        log.flush()?;
        Ok(log)
    }

    /// Writes one event, or nothing of it.
    ///
    /// # Errors
    /// [`ReplayError::NotRecordable`] for payload, which has no written form; [`ReplayError::File`].
    pub fn write(&mut self, event: &Event) -> Result<(), ReplayError> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)
            .map_err(|error| ReplayError::NotRecordable { says: error.to_string() })?;
        if self.line.len() > LINE_BYTES {
            return Err(ReplayError::NotRecordable { says: format!("it takes {} bytes", self.line.len()) });
        }
        self.write_line()?;
        self.events += 1;
        Ok(())
    }

    /// Hands everything written so far to the operating system.
    ///
    /// # Errors
    /// [`ReplayError::File`].
    pub fn flush(&mut self) -> Result<(), ReplayError> {
        self.out.flush().map_err(writing)
    }

    /// Events written so far.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    fn write_line(&mut self) -> Result<(), ReplayError> {
        self.line.push(b'\n');
        self.out.write_all(&self.line).map_err(writing)
    }
}

fn writing(source: io::Error) -> ReplayError {
    ReplayError::File { doing: "writing the recording".to_owned(), source }
}
