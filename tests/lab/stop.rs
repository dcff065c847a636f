//! Being told to stop: SIGINT and SIGTERM become an error of the next wait, so that every guard runs its `Drop`.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

static STOP: AtomicBool = AtomicBool::new(false);

/// Begins to listen for SIGINT and SIGTERM. A second call does no harm.
pub(crate) fn watch() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|error| format!("signals can't be watched: {error}"))?;
    let (ready, installed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let both = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
            let (Ok(mut interrupt), Ok(mut terminate)) = both else {
                return;
            };
            if ready.send(()).is_err() {
                return;
            }
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                STOP.store(true, Ordering::Relaxed);
            }
        });
    });
    installed.recv().map_err(|_| "the handlers of SIGINT and SIGTERM could not be installed".to_owned())
}

/// An error once a signal has come.
pub(crate) fn check() -> Result<(), String> {
    if STOP.load(Ordering::Relaxed) { Err("interrupted".to_owned()) } else { Ok(()) }
}
