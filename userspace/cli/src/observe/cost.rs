//! What the observer itself costs.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// CPU share and memory of this process.
#[derive(Debug)]
pub(crate) struct Cost {
    at: Instant,
    cpu: Duration,
    /// CPU time over elapsed time since the last reading, in percent of one CPU.
    pub(crate) percent: f64,
    /// Resident memory in bytes; 0 where /proc does not say.
    pub(crate) resident: u64,
}

impl Cost {
    /// Begins to measure.
    pub(crate) fn new() -> Self {
        Self { at: Instant::now(), cpu: cpu_time(), percent: 0.0, resident: resident() }
    }

    /// Measures again, once a second at most: below that the figures jump.
    pub(crate) fn measure(&mut self) {
        let elapsed = self.at.elapsed();
        if elapsed < Duration::from_secs(1) {
            return;
        }
        let cpu = cpu_time();
        self.percent = cpu.saturating_sub(self.cpu).as_secs_f64() / elapsed.as_secs_f64() * 100.0;
        (self.at, self.cpu, self.resident) = (Instant::now(), cpu, resident());
    }
}

fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// Second field of /proc/self/statm, in pages (proc_pid_statm(5)).
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    pages.saturating_mul(page)
}
