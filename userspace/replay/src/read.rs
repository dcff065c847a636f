//! Reading a recording.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use jiff::Timestamp;
use tierzero_core::event::{Coverage, Degradation, Event, What};

use crate::LINE_BYTES;
use crate::detect::{Kind, detect_content};
use crate::error::ReplayError;
use crate::header::{FAMILY, Header, SCHEMA};

/// The log ends within a line: the recorder was killed, or the file was cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Truncated {
    /// The line that is not whole, from 1.
    pub line: u64,
    /// Bytes of it that are there.
    pub bytes: usize,
}

impl Truncated {
    /// As it reaches every report.
    #[must_use]
    pub fn coverage(self) -> Coverage {
        Coverage::Degraded(Degradation {
            name: "log-truncated".to_owned(),
            loses: "What was recorded after the cut is not in the graph.".to_owned(),
            because: format!("the log ends within line {}, after {} bytes of it", self.line, self.bytes),
            remedy: "Use a log whose recording ended in order.".to_owned(),
        })
    }
}

/// The events of a log, in order. After an error there are no more.
///
/// A log that was cut within its last line gives, in place of that line, a coverage event at the time of the event
/// before it; [`LogReader::truncated`] then says where.
#[derive(Debug)]
pub struct LogReader<R> {
    input: R,
    header: Header,
    buffer: Vec<u8>,
    /// Number of the line in `buffer`, from 1.
    line: u64,
    read: u64,
    total: Option<u64>,
    last: Timestamp,
    truncated: Option<Truncated>,
    over: bool,
}

impl LogReader<BufReader<File>> {
    /// Opens a log and reads its header.
    ///
    /// # Errors
    /// [`ReplayError::File`], [`ReplayError::NotALog`], [`ReplayError::Newer`], [`ReplayError::Damaged`].
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let failed = |source| ReplayError::File { doing: format!("reading {}", path.display()), source };
        let file = File::open(path).map_err(failed)?;
        // A pipe has no length that would mean anything.
        let total = file.metadata().map_err(failed)?;
        let total = total.is_file().then_some(total.len());
        let mut reader = Self::new(BufReader::with_capacity(256 << 10, file))?;
        reader.total = total;
        Ok(reader)
    }
}

impl<R: BufRead> LogReader<R> {
    /// Reads the header of a log from anywhere.
    ///
    /// # Errors
    /// As [`LogReader::open`].
    pub fn new(mut input: R) -> Result<Self, ReplayError> {
        let beginning = input.fill_buf().map_err(reading)?;
        let kind = detect_content(beginning.get(..512).unwrap_or(beginning));
        if kind != Kind::EventLog {
            return Err(ReplayError::NotALog { kind });
        }
        let header = Header { schema: String::new(), tool: String::new(), started: Timestamp::UNIX_EPOCH };
        let mut reader = Self {
            input,
            header,
            buffer: Vec::new(),
            line: 0,
            read: 0,
            total: None,
            last: Timestamp::UNIX_EPOCH,
            truncated: None,
            over: false,
        };
        reader.next_line()?;
        reader.header = reader.parse_header()?;
        reader.last = reader.header.started;
        Ok(reader)
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Bytes in all, where the source has a length.
    #[must_use]
    pub fn bytes_total(&self) -> Option<u64> {
        self.total
    }

    /// Where the log was cut, once its end was reached.
    #[must_use]
    pub fn truncated(&self) -> Option<Truncated> {
        self.truncated
    }

    /// Reads a line into the buffer, with its newline if it has one; false at the end.
    fn next_line(&mut self) -> Result<bool, ReplayError> {
        self.buffer.clear();
        self.line += 1;
        let most = LINE_BYTES as u64 + 1;
        let got = (&mut self.input).take(most).read_until(b'\n', &mut self.buffer).map_err(reading)?;
        self.read += got as u64;
        if got as u64 == most && self.buffer.last() != Some(&b'\n') {
            return Err(ReplayError::TooLong { line: self.line });
        }
        Ok(got > 0)
    }

    fn parse_header(&self) -> Result<Header, ReplayError> {
        // The schema alone first: of a later one nothing else is known.
        #[derive(serde::Deserialize)]
        struct Any {
            schema: String,
            #[serde(default)]
            tool: String,
        }
        let damaged =
            |error: serde_json::Error| ReplayError::Damaged { line: self.line, says: error.to_string() };
        let Any { schema, tool } = serde_json::from_slice(&self.buffer).map_err(damaged)?;
        if schema != SCHEMA {
            let says = format!("schema `{}` is not known", schema.strip_prefix(FAMILY).unwrap_or(&schema));
            return Err(ReplayError::Newer { line: self.line, says, tool });
        }
        serde_json::from_slice(&self.buffer).map_err(damaged)
    }

    fn next_event(&mut self) -> Result<Option<Event>, ReplayError> {
        loop {
            if !self.next_line()? {
                return Ok(None);
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        match serde_json::from_slice::<Event>(&self.buffer) {
            Ok(event) => {
                self.last = event.at;
                Ok(Some(event))
            }
            Err(_) if self.buffer.last() != Some(&b'\n') => {
                let truncated = Truncated { line: self.line, bytes: self.buffer.len() };
                self.truncated = Some(truncated);
                Ok(Some(Event { at: self.last, what: What::Coverage(truncated.coverage()) }))
            }
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    fn unreadable(&self, error: &serde_json::Error) -> ReplayError {
        let text = error.to_string();
        // serde says `unknown variant` for an event or value of a later program, and a list of all it knows after it.
        if text.starts_with("unknown variant") || text.contains("unknown rule of evidence") {
            let says = text.split(", expected").next().unwrap_or(&text);
            let says = says.split(" at line ").next().unwrap_or(says).to_owned();
            return ReplayError::Newer { line: self.line, says, tool: self.header.tool.clone() };
        }
        ReplayError::Damaged { line: self.line, says: text }
    }
}

impl<R: BufRead> Iterator for LogReader<R> {
    type Item = Result<Event, ReplayError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.next_event().transpose();
        self.over = self.truncated.is_some() || !matches!(next, Some(Ok(_)));
        next
    }
}

fn reading(source: std::io::Error) -> ReplayError {
    ReplayError::File { doing: "reading the log".to_owned(), source }
}
