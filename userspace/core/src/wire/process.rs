//! Processes: fork, exec, exit.

use jiff::Timestamp;
use tierzero_maps::kind;
use tierzero_maps::record::{ARGV_BYTES, COMM_BYTES, PROGRAM_BYTES};

use super::Decoded;
use super::cursor::Cursor;
use crate::event::{Event, Process, ProgramFile, What};
use crate::id::{Netns, ProcessKey};
use crate::subject::redact;

/// Most arguments kept of one command line.
const ARGUMENTS: usize = 64;

/// A `tierzero_maps::record::{Fork, Exec, Exit}`.
pub(super) fn decode(kind: u32, at: Timestamp, cursor: &mut Cursor<'_>) -> Option<Decoded> {
    let what = match kind {
        kind::EXIT => What::Exited { process: cursor.actor()?? },
        kind::FORK => What::Forked { process: process(cursor)? },
        _ => {
            let mut process = process(cursor)?;
            let program_bytes = cursor.u32()?;
            let argv_bytes = cursor.u32()?;
            let flags = cursor.u32()?;
            // `MKDEV` (linux/kdev_t.h): 12 bits and 20 bits.
            let device = cursor.u32()?;
            let inode = cursor.u64()?;
            let file = ProgramFile { device: (device >> 20, device & 0xf_ffff), inode };
            let program = used(cursor.bytes(PROGRAM_BYTES)?, program_bytes);
            let argv = used(cursor.bytes(ARGV_BYTES)?, argv_bytes);
            let program = text(program);
            process.exe = (!program.is_empty() && flags & kind::PROGRAM_CUT == 0).then_some(program);
            process.argv = arguments(argv, flags & kind::ARGV_CUT != 0);
            What::Executed { process, file: (inode != 0).then_some(file) }
        }
    };
    Some(Decoded::Event(Event { at, what }))
}

/// A `tierzero_maps::record::Process`.
fn process(cursor: &mut Cursor<'_>) -> Option<Process> {
    let key = cursor.actor()??;
    let cgroup = cursor.u64()?;
    let parent_start = cursor.u64()?;
    let parent_tgid = cursor.u32()?;
    let (uid, gid) = (cursor.u32()?, cursor.u32()?);
    let netns = Netns(cursor.u32()?);
    let comm = text(cursor.bytes(COMM_BYTES)?);
    Some(Process {
        key,
        parent: (parent_tgid != 0).then(|| ProcessKey::from_boot_ns(parent_tgid, parent_start)),
        exe: None,
        argv: Vec::new(),
        comm,
        uid,
        gid,
        cgroup,
        place: None,
        netns,
        env: Vec::new(),
    })
}

/// The part of a fixed field that its length says is used.
fn used(field: &[u8], length: u32) -> &[u8] {
    usize::try_from(length).ok().and_then(|length| field.get(..length)).unwrap_or(field)
}

/// Text up to the first zero byte; what is no UTF-8 is replaced.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// Arguments of a command line, each ended by a zero byte, with secrets taken out.
fn arguments(bytes: &[u8], cut: bool) -> Vec<String> {
    let whole = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if whole.is_empty() {
        return Vec::new();
    }
    let mut words: Vec<String> = whole
        .split(|byte| *byte == 0)
        .take(ARGUMENTS)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    redact::argv(&mut words);
    if cut || whole.split(|byte| *byte == 0).nth(ARGUMENTS).is_some() {
        words.push("...".to_owned());
    }
    words
}
