//! Why observation through the kernel can't start or go on.

use thiserror::Error;

/// Why the sensor can't start or go on.
#[derive(Debug, Error)]
pub enum SensorError {
    /// The kernel did not let this process use eBPF.
    #[error("the kernel does not let this process use eBPF: {because}")]
    NotPermitted {
        /// What the kernel said.
        because: String,
    },
    /// There is no cgroup2 tree to attach to.
    #[error("no cgroup2 file system is mounted that could be opened: {because}")]
    NoCgroup {
        /// What was found instead.
        because: String,
    },
    /// A program without which no connection is seen was refused.
    #[error("the kernel refused the program `{program}`: {because}")]
    Refused {
        /// Which.
        program: String,
        /// What the kernel said.
        because: String,
    },
    /// The maps or the object as a whole were refused.
    #[error("the eBPF object could not be set up: {because}")]
    Object {
        /// What was said.
        because: String,
    },
    /// A map or ring buffer can't be read or written.
    #[error("the eBPF map `{map}` could not be used: {because}")]
    Map {
        /// Which.
        map: String,
        /// What was said.
        because: String,
    },
}

impl SensorError {
    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotPermitted { .. } => {
                "run as root, or with CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN; \
                 in a container, with the host's"
            }
            Self::NoCgroup { .. } => "mount one: `mount -t cgroup2 none /sys/fs/cgroup/unified`",
            Self::Refused { .. } => {
                "`tierzero doctor` shows what this kernel allows; Linux 5.10 or later is needed"
            }
            Self::Object { .. } => {
                "`tierzero doctor` shows what this kernel allows; there may be too little memory"
            }
            Self::Map { .. } => "start again; if it stays, report it with the output of `tierzero doctor`",
        }
    }

    /// Short name of the degradation that this is when observation goes on without the kernel's programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        "no-ebpf"
    }
}
