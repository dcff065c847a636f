//! The first line of a log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The schema that this program writes and reads.
pub const SCHEMA: &str = "tierzero/events/1";

/// What all schemas of event logs begin with.
pub(crate) const FAMILY: &str = "tierzero/events/";

/// The first line of a log. Fields that a later program adds are passed over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Version of the program that recorded it.
    pub tool: String,
    /// When recording began.
    pub started: Timestamp,
}

impl Header {
    /// The header of a log that begins now.
    #[must_use]
    pub fn new(tool: &str, started: Timestamp) -> Self {
        Self { schema: SCHEMA.to_owned(), tool: tool.to_owned(), started }
    }
}
