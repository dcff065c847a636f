//! The offsets that the programs need, on this kernel.

use std::fs;

use tierzero_maps::offset::{ABSENT, WANTED};

use crate::btf::Types;

/// Where the kernel shows its type information.
const SOURCE: &str = "/sys/kernel/btf/vmlinux";

/// What the programs are told about this kernel.
pub(crate) struct Offsets {
    /// Global and its value, in the order of `WANTED`.
    pub(crate) values: Vec<(&'static str, u32)>,
    /// Members that this kernel does not have.
    pub(crate) missing: Vec<String>,
    /// Why there is no type information at all.
    pub(crate) failure: Option<String>,
}

impl Offsets {
    /// Reads them from the running kernel.
    pub(crate) fn of_this_kernel() -> Self {
        let bytes = match fs::read(SOURCE) {
            Ok(bytes) => bytes,
            Err(error) => return Self::none(format!("{SOURCE}: {error}")),
        };
        let Some(types) = Types::parse(&bytes) else {
            return Self::none(format!("{SOURCE} is not in the documented format"));
        };
        let mut missing = Vec::new();
        let values = WANTED
            .iter()
            .map(|wanted| {
                let offset = types.offset(wanted.structure, wanted.member).filter(|offset| *offset < ABSENT);
                if offset.is_none() {
                    missing.push(format!("{}.{}", wanted.structure, wanted.member));
                }
                (wanted.global, offset.unwrap_or(ABSENT))
            })
            .collect();
        Self { values, missing, failure: None }
    }

    fn none(failure: String) -> Self {
        let values = WANTED.iter().map(|wanted| (wanted.global, ABSENT)).collect();
        Self { values, missing: Vec::new(), failure: Some(failure) }
    }

    /// True when a process can be named by pid and start time.
    pub(crate) fn names_processes(&self) -> bool {
        ["TASK_PID", "TASK_TGID", "TASK_LEADER", "TASK_START"]
            .iter()
            .all(|needed| self.values.iter().any(|(name, value)| name == needed && *value != ABSENT))
    }
}
