//! Tests of the binary as a person or a script meets it. No root, no network.
//!
//! Expected texts are in `tests/cli/expected/`. After a change that is meant, write them anew with
//! `TIERZERO_BLESS=1 cargo test -p tierzero --test cli` and review the difference.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on says so by panicking"
)]

mod answers;
mod configuration;
mod core_dumps;
mod errors;
mod help;
mod logs;
mod run;
