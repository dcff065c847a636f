//! What the program says about its own work, on stderr, only when asked (`-v`).

use tracing::Level;

/// Starts it: nothing, `-v` what is done, `-vv` and more in detail.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .init();
}
