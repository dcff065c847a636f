//! A defect of this program: one sentence, no backtrace, and nothing of what was observed.

use std::panic::{self, UnwindSafe};
use std::sync::Mutex;

use crate::error::{Failure, Outcome};

/// Where the program last panicked. The message is never kept: it could quote observed bytes.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Keeps quiet at the moment of a panic: the terminal may be in use, and a judgement that fails is caught further up.
pub(crate) fn install() {
    panic::set_hook(Box::new(|panicked| {
        if let (Some(at), Ok(mut place)) = (panicked.location(), PLACE.lock()) {
            *place = Some(format!("{}:{}", at.file(), at.line()));
        }
    }));
}

/// Runs the program; a panic that nobody caught becomes a failure with its place.
pub(crate) fn guarded(run: impl FnOnce() -> Outcome + UnwindSafe) -> Outcome {
    panic::catch_unwind(run).unwrap_or_else(|_| {
        let place =
            PLACE.lock().ok().and_then(|mut place| place.take()).unwrap_or_else(|| "an unknown place".into());
        Err(Failure::new("tierzero ended because of a defect in itself")
            .at(format!("{place}, version {}", env!("CARGO_PKG_VERSION")))
            .next(
                "please report the line above at https://github.com/tierzero/tierzero/issues; \
                 it holds nothing of what was observed, and what was stored before is intact",
            ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_one_sentence_without_its_message() {
        install();
        let failure = guarded(|| panic!("MARK-secret")).unwrap_err();
        let _ = panic::take_hook();
        let text = format!("{failure:?}");
        assert!(text.contains("panic.rs:"), "{text}");
        assert!(!text.contains("MARK-secret"), "{text}");
    }
}
