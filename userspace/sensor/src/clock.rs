//! Boot clock and wall clock.

use rustix::time::{ClockId, Timespec, clock_gettime};
use tierzero_core::wire::Clock;

/// How the two relate now. Read three times; the tightest reading stands, because the program may be interrupted
/// between the two clocks.
pub(crate) fn relate() -> Clock {
    let mut best: Option<(i64, i64)> = None;
    for _ in 0..3 {
        let before = nanoseconds(clock_gettime(ClockId::Boottime));
        let wall = nanoseconds(clock_gettime(ClockId::Realtime));
        let after = nanoseconds(clock_gettime(ClockId::Boottime));
        let width = after - before;
        if best.is_none_or(|(narrowest, _)| width < narrowest) {
            best = Some((width, wall - (before + width / 2)));
        }
    }
    Clock { offset_ns: best.map_or(0, |(_, offset)| offset) }
}

/// Nanoseconds since boot, as `bpf_ktime_get_boot_ns` counts them.
pub(crate) fn since_boot() -> u64 {
    u64::try_from(nanoseconds(clock_gettime(ClockId::Boottime))).unwrap_or(0)
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}
