//! What a core dump of a running process would hold: its memory, read while it runs.
//!
//! A process that the kernel dumps writes the mappings that are not marked as left out (core(5); `dd` among the
//! VmFlags of proc_pid_smaps(5)). The same is read here through proc_pid_mem(5), without asking the process: the
//! observer keeps the kernel from dumping it. The ring buffers' pages are left out of a dump by the kernel itself;
//! what was read of them stands there until newer records overwrite it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::marker::Marker;
use super::stop;

/// How long a judged flow may take to be forgotten.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(500);

/// Where in a process's memory, and whether a core dump has it.
struct Mapping {
    from: u64,
    to: u64,
    name: String,
    dumped: bool,
}

/// The markers that a core dump would hold, looked for until there are none or it took too long.
pub(crate) fn leaks(pid: u32, markers: &[Marker]) -> Result<Vec<String>, String> {
    let begin = Instant::now();
    loop {
        let (found, looked) = look(pid, markers)?;
        if looked == 0 {
            return Err(format!("nothing of the memory of process {pid} could be read"));
        }
        if found.is_empty() || begin.elapsed() > PATIENCE {
            return Ok(found);
        }
        stop::check()?;
        std::thread::sleep(PAUSE);
    }
}

fn look(pid: u32, markers: &[Marker]) -> Result<(Vec<String>, u64), String> {
    let path = format!("/proc/{pid}/mem");
    let memory = File::open(&path).map_err(|error| format!("{path}: {error}"))?;
    let (mut found, mut looked) = (Vec::new(), 0);
    for mapping in mappings(pid)?.into_iter().filter(|mapping| mapping.dumped) {
        let length = usize::try_from(mapping.to.saturating_sub(mapping.from)).unwrap_or(0);
        let mut bytes = vec![0; length];
        // Guard pages, and pages that went since the list was read, can't be.
        if memory.read_exact_at(&mut bytes, mapping.from).is_err() {
            continue;
        }
        looked += length as u64;
        let place = format!("memory of the observer ({})", mapping.name);
        found.extend(markers.iter().flat_map(|marker| marker.leaks(&place, &bytes)));
    }
    Ok((found, looked))
}

/// The mappings that can be written, with the kernel's word on whether a dump has them.
fn mappings(pid: u32) -> Result<Vec<Mapping>, String> {
    let path = format!("/proc/{pid}/smaps");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(flags) = line.strip_prefix("VmFlags:")
            && let Some(last) = mappings.last_mut()
        {
            last.dumped = flags.split_whitespace().any(|flag| flag == "wr")
                && !flags.split_whitespace().any(|flag| flag == "dd");
        } else if let [range, _rights, _offset, _device, _file, name @ ..] = words.as_slice()
            && let Some((from, to)) = range.split_once('-')
            && let (Ok(from), Ok(to)) = (u64::from_str_radix(from, 16), u64::from_str_radix(to, 16))
        {
            mappings.push(Mapping { from, to, name: name.join(" "), dumped: false });
        }
    }
    Ok(mappings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_holds_is_found() -> Result<(), String> {
        let marker = Marker::new("MARKM")?;
        let (found, looked) = look(std::process::id(), std::slice::from_ref(&marker))?;
        assert!(looked > 0 && !found.is_empty(), "{looked} bytes, {found:?}");
        Ok(())
    }
}
