//! When to end: signals, and the second one at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Failure, Outcome};

/// Exit status after a second signal: 128 + SIGINT, as shells count.
const AT_ONCE: i32 = 130;

/// Set once somebody wants the end.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens to SIGINT, SIGTERM and SIGHUP (a terminal that closed). A second SIGINT or SIGTERM ends at once.
    pub(crate) fn on_signals() -> Outcome<Self> {
        let wanted = Arc::new(AtomicBool::new(false));
        let listen = || {
            for signal in [SIGINT, SIGTERM] {
                // In this order: the first signal finds the flag unset, and sets it.
                flag::register_conditional_shutdown(signal, AT_ONCE, Arc::clone(&wanted))?;
                flag::register(signal, Arc::clone(&wanted))?;
            }
            flag::register(SIGHUP, Arc::clone(&wanted))
        };
        listen().map_err(|error| Failure::new("signals can't be listened to").because(error))?;
        Ok(Self(wanted))
    }

    /// Somebody pressed `q`, or the time is up.
    pub(crate) fn want(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Does somebody want the end?
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
