//! No core dump of this program is written: until a flow is judged, its memory holds what callers presented.

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

use crate::output::colour;

/// The switch, for finding a defect of this program: set to `1`, the kernel may write core dumps as it usually does.
pub(crate) const SWITCH: &str = "TIERZERO_CORE_DUMPS";

/// Keeps the kernel from writing one, unless the switch is set. To be called first.
pub(crate) fn prevent() {
    if std::env::var_os(SWITCH).is_some_and(|value| value == "1") {
        return;
    }
    // The first keeps core dumps from files and from programs that core(5) pipes them to, which the limit does not
    // stop; it also keeps processes of the same user from reading this one's memory (prctl(2), ptrace(2)).
    let kept = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let limited =
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum });
    if let Err(error) = kept.and(limited) {
        colour::warn(&format!("core dumps of this process could not be switched off: {error}"));
    }
}
