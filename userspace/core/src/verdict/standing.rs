//! What stands for one operation, and what was offered for it.

use super::Check;
use crate::evidence::{Proof, Scope};

/// What stands for an operation: weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Standing {
    None,
    Claimed,
    /// Something is missing before it: no `none` may be said, and no check either.
    Blurred,
    Proved {
        asked: bool,
        check: Check,
        scope: Scope,
    },
}

/// What the caller presented last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) proof: Proof,
    pub(super) check: Check,
    pub(super) scope: Scope,
}
