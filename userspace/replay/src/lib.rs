//! What was observed once, as the same events again: recorded event logs, and packet captures.
//!
//! A log is JSON lines, schema `tierzero/events/1`: a header, then one [`Event`](tierzero_core::event::Event) a line.
//! Payload is never in it: the event that carries payload has no written form, so a log holds only what the payload
//! showed, as observations with keyed fingerprints. The same log gives the same graph, byte for byte.
//!
//! What is read may come from anywhere. A line is at most [`LINE_BYTES`] long, a damaged line is an error that names
//! it, and a log that was cut in its last line gives everything before the cut and then says so as coverage.
#![forbid(unsafe_code)]

mod capture;
mod detect;
mod error;
mod header;
mod read;
mod recording;
mod write;

pub use capture::CaptureReader;
pub use detect::{Kind, detect, detect_content};
pub use error::ReplayError;
pub use header::{Header, SCHEMA};
pub use read::{LogReader, Truncated};
pub use recording::Recording;
pub use write::LogWriter;

/// The longest line that is written or read, without its newline.
pub const LINE_BYTES: usize = 1 << 20;
