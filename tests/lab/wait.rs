//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

use super::stop;

/// How long anything in the lab may take before it counts as broken.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Looks until the condition gives a value; fails when `limit` is over or a signal came.
pub(crate) fn value<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>, String>,
) -> Result<T, String> {
    let begin = Instant::now();
    loop {
        if let Some(value) = look()? {
            return Ok(value);
        }
        stop::check()?;
        if begin.elapsed() > limit {
            return Err(format!("{what}: still waiting after {} s", limit.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Looks until the condition holds.
pub(crate) fn until(
    what: &str,
    limit: Duration,
    mut holds: impl FnMut() -> Result<bool, String>,
) -> Result<(), String> {
    value(what, limit, || Ok(holds()?.then_some(())))
}
