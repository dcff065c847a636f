//! What part of a table is asked for.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use tierzero_core::graph::{Listener, Workload};
use tierzero_core::verdict::Verdict;

use crate::moment::Since;

/// Verdicts as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum VerdictWord {
    LocationTrusted,
    Opaque,
    Unproven,
    SecretChecked,
    IdentityChecked,
    Public,
    Refused,
}

impl VerdictWord {
    fn verdict(self) -> Verdict {
        match self {
            Self::LocationTrusted => Verdict::LocationTrusted,
            Self::Opaque => Verdict::Opaque,
            Self::Unproven => Verdict::Unproven,
            Self::SecretChecked => Verdict::SecretChecked,
            Self::IdentityChecked => Verdict::IdentityChecked,
            Self::Public => Verdict::Public,
            Self::Refused => Verdict::Refused,
        }
    }
}

/// Options that tables share.
#[derive(Args, Debug, Default)]
pub(crate) struct Filter {
    /// Only these verdicts (repeat, or separate by commas)
    #[arg(long, value_name = "VERDICT", value_enum, value_delimiter = ',')]
    verdict: Vec<VerdictWord>,
    /// Only what was seen since: a duration back from now (30m, 2h, 7d) or a time (2026-11-23, 2026-11-23T13:05:33Z)
    #[arg(long, value_name = "DUR|TIME", value_parser = Since::parse)]
    since: Option<Since>,
    /// Only callers whose id begins with TEXT, or whose name, program, unit or container contains it
    #[arg(long, value_name = "TEXT")]
    caller: Option<String>,
    /// Only listeners whose id begins with TEXT, or whose address, path, protocol or workload contains it
    #[arg(long, value_name = "TEXT")]
    listener: Option<String>,
}

impl Filter {
    /// True when nothing is left out.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { verdict, since, caller, listener } = self;
        verdict.is_empty() && since.is_none() && caller.is_none() && listener.is_none()
    }

    /// Is this verdict asked for?
    pub(crate) fn wants_verdict(&self, verdict: Verdict) -> bool {
        self.verdict.is_empty() || self.verdict.iter().any(|word| word.verdict() == verdict)
    }

    /// Is what has no verdict asked for?
    pub(crate) fn wants_no_verdict(&self) -> bool {
        self.verdict.is_empty()
    }

    /// Was it seen in the time asked for?
    pub(crate) fn wants_moment(&self, last: Timestamp, now: Timestamp) -> bool {
        self.since.is_none_or(|since| last >= since.from(now))
    }

    /// Is this caller asked for?
    pub(crate) fn wants_caller(&self, caller: Option<&Workload>) -> bool {
        let Some(text) = &self.caller else { return true };
        caller.is_some_and(|workload| fits_workload(text, workload))
    }

    /// Is this listener asked for?
    pub(crate) fn wants_listener(&self, listener: Option<&Listener>, workload: Option<&Workload>) -> bool {
        let Some(text) = &self.listener else { return true };
        listener.is_some_and(|listener| {
            listener.id.as_str().starts_with(text.as_str())
                || listener.at.to_string().contains(text.as_str())
                || listener.protocol.as_deref().is_some_and(|protocol| protocol.contains(text.as_str()))
        }) || workload.is_some_and(|workload| fits_workload(text, workload))
    }
}

/// Does the text name this workload?
pub(crate) fn fits_workload(text: &str, workload: &Workload) -> bool {
    let named = [&workload.exe, &workload.unit, &workload.container, &workload.pod, &workload.netns_name];
    workload.id.as_str().starts_with(text)
        || workload.name.contains(text)
        || named.into_iter().flatten().any(|name| name.contains(text))
}
