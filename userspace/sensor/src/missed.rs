//! Runs that the kernel skipped. A program of a tracepoint does not run on a processor where it (raw tracepoints) or
//! any other such program (syscall tracepoints) runs already: under an interrupt, or, where tracepoints can be
//! preempted, in a task that lost the processor (`__bpf_trace_run` and `trace_call_bpf`, kernel/trace/bpf_trace.c).
//! What happened there is never handed over, and the programs can't count it; the kernel does.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use aya::Ebpf;
use aya::programs::Program;

use crate::program::{Group, PROGRAMS};

/// A program whose runs can be skipped.
struct Watched {
    /// Where its misses are counted.
    place: String,
    descriptor: OwnedFd,
    /// What the kernel said when last asked.
    before: u64,
}

/// Every loaded program of a tracepoint.
pub(crate) struct Missed {
    programs: Vec<Watched>,
}

impl Missed {
    /// Of the programs that are loaded now.
    pub(crate) fn of(ebpf: &Ebpf) -> Self {
        let programs = PROGRAMS.iter().filter_map(|spec| {
            let program = ebpf.program(spec.name)?;
            if !matches!(program, Program::RawTracePoint(_) | Program::TracePoint(_)) {
                return None;
            }
            // No descriptor: it was not wanted, or is refused, which is a degradation already.
            let descriptor = program.fd().ok()?.as_fd().try_clone_to_owned().ok()?;
            Some(Watched { place: place(spec.name, spec.group), descriptor, before: 0 })
        });
        Self { programs: programs.collect() }
    }

    /// Runs skipped since last asked, by place. Each would have told of one event at most: what the count stands for is
    /// no more than that. Nothing where the kernel does not say (before 5.12; for syscall tracepoints before 6.7), and
    /// nothing without /proc.
    pub(crate) fn take(&mut self) -> BTreeMap<String, u64> {
        let mut missed = BTreeMap::new();
        for Watched { place, descriptor, before } in &mut self.programs {
            let Some(now) = of_descriptor(descriptor) else { continue };
            let new = now.saturating_sub(*before);
            *before = now;
            if new > 0 {
                let count = missed.entry(place.clone()).or_insert(0_u64);
                *count = count.saturating_add(new);
            }
        }
        missed
    }
}

/// Processes by program, because an end, a beginning and a new program are missed apart; Unix sockets together, because
/// one exchange takes many programs.
fn place(program: &str, group: Group) -> String {
    if group == Group::Unix {
        "missed-unix".to_owned()
    } else {
        format!("missed-{}", program.replace('_', "-"))
    }
}

fn of_descriptor(descriptor: &OwnedFd) -> Option<u64> {
    parse(&fs::read_to_string(format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd())).ok()?)
}

/// The count in the text of a program's fdinfo (`bpf_prog_show_fdinfo`, kernel/bpf/syscall.c).
fn parse(fdinfo: &str) -> Option<u64> {
    let line = fdinfo.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Missed, of_descriptor, parse, place};
    use crate::offsets::Offsets;
    use crate::program::{Group, PROGRAMS, load};
    use crate::sensor::Options;

    #[test]
    fn the_count_is_read_where_there_is_one() {
        let text = "pos:\t0\nflags:\t02000002\nprog_type:\t17\nrun_cnt:\t9\nrecursion_misses:\t42\n";
        assert_eq!(parse(text), Some(42));
        assert_eq!(parse("prog_type:\t17\nrun_cnt:\t9\n"), None);
        assert_eq!(parse("recursion_misses:\tmany\n"), None);
        assert_eq!(parse("recursion_misses:\t99999999999999999999\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_descriptor_of_something_else_has_no_count() {
        let file = std::fs::File::open("/proc/self/stat").unwrap();
        assert_eq!(of_descriptor(&file.into()), None);
    }

    #[test]
    fn this_kernel_says_how_many_runs_of_each_program_it_skipped() {
        let mut ebpf = match crate::object::open(&Options::default(), &Offsets::of_this_kernel()) {
            Ok(ebpf) => ebpf,
            Err(error) => return println!("skipped: {error}"),
        };
        assert!(Missed::of(&ebpf).programs.is_empty(), "nothing is loaded yet");
        for spec in PROGRAMS {
            load(ebpf.program_mut(spec.name).unwrap()).unwrap();
        }
        let mut missed = Missed::of(&ebpf);
        let (processes, unix): (Vec<_>, Vec<_>) =
            missed.programs.iter().partition(|watched| watched.place != "missed-unix");
        assert_eq!((processes.len(), unix.len()), (3, 13));
        for watched in &missed.programs {
            assert_eq!(of_descriptor(&watched.descriptor), Some(0), "loaded, and attached to nothing");
        }
        assert!(missed.take().is_empty());
    }

    #[test]
    fn processes_are_told_apart_and_unix_sockets_are_not() {
        assert_eq!(place("process_exit", Group::Always), "missed-process-exit");
        assert_eq!(place("unix_read_enter", Group::Unix), "missed-unix");
    }
}
