//! Why a verdict was revised.

use serde::{Deserialize, Serialize};

use super::Contrast;

/// What changed when an edge was judged anew.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Revision {
    /// A flow of this very caller began to count, or came to something else.
    Flow,
    /// The listener served somebody with nothing that proves who called.
    ServedWithoutProof,
    /// The listener asked somebody for proof, got none, and served all the same.
    DeclinedAndServed,
    /// The listener refused somebody who had no proof.
    RefusedWithoutProof,
    /// The listener refused somebody whose proof was wrong.
    RefusedWrongProof,
    /// The kernel refused somebody at the socket file.
    RefusedByKernel,
    /// The listener refused somebody for the place he called from.
    RefusedPlace,
}

impl Revision {
    /// What `now` shows of a listener that `before` did not, the weightiest first; `None` where nothing does that
    /// judgement depends on.
    #[must_use]
    pub fn between(before: &Contrast, now: &Contrast) -> Option<Self> {
        let newly = |of: fn(&Contrast) -> u64| of(before) == 0 && of(now) > 0;
        if newly(|it| it.served_without_proof) {
            Some(Self::ServedWithoutProof)
        } else if newly(|it| it.secret.declined_and_served) || newly(|it| it.key.declined_and_served) {
            Some(Self::DeclinedAndServed)
        } else if newly(|it| it.secret.refused_missing) || newly(|it| it.key.refused_missing) {
            Some(Self::RefusedWithoutProof)
        } else if newly(|it| it.secret.refused_wrong) || newly(|it| it.key.refused_wrong) {
            Some(Self::RefusedWrongProof)
        } else if newly(|it| it.refused_kernel) {
            Some(Self::RefusedByKernel)
        } else if newly(|it| it.refused_place) {
            Some(Self::RefusedPlace)
        } else {
            None
        }
    }

    /// In one sentence.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::Flow => "a flow of this caller came to it",
            Self::ServedWithoutProof => "the listener served a caller without any proof",
            Self::DeclinedAndServed => {
                "the listener asked a caller for proof, got none, and served all the same"
            }
            Self::RefusedWithoutProof => "the listener refused a caller that had no proof",
            Self::RefusedWrongProof => "the listener refused a caller whose proof was wrong",
            Self::RefusedByKernel => "the kernel refused a caller at the socket file",
            Self::RefusedPlace => "the listener refused a caller for the place it called from",
        }
    }
}
