//! A run's event log as a golden test: only what concerns the lab, nothing of the machine that it ran on.

use std::collections::BTreeMap;
use std::path::Path;

use super::scenario::Lab;

/// Keeps the event log of a run below `tests/golden/`; returns a sentence about it.
pub(crate) fn golden(lab: &Lab, scenario: &str, _roles: &BTreeMap<String, String>) -> Result<String, String> {
    let log = lab.outputs().join("events.jsonl");
    let bytes = std::fs::read(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let leaks: Vec<_> =
        lab.markers().iter().flat_map(|marker| marker.leaks("events.jsonl", &bytes)).collect();
    if let Some(leak) = leaks.first() {
        return Err(format!("not recorded: {leak}"));
    }
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("lab-{scenario}"));
    Err(format!("not recorded: {} waits for the log format ({} bytes)", place.display(), bytes.len()))
}
