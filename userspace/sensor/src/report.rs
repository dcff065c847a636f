//! What this kernel allows, and what the programs cost.

use aya::Ebpf;

use crate::error::SensorError;
use crate::offsets::Offsets;
use crate::program::{PROGRAMS, Refusal};
use crate::sensor::{Options, open_cgroup};
use crate::{library, object, program};

/// How far a program gets on this kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProgramState {
    /// It loads and attaches.
    Attached,
    /// The kernel refuses to load it.
    LoadRefused,
    /// It loads; the hook refuses it.
    AttachRefused,
    /// It could not be tried.
    Absent,
}

impl ProgramState {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::LoadRefused => "load refused",
            Self::AttachRefused => "attach refused",
            Self::Absent => "absent",
        }
    }
}

/// One program on this kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProgramReport {
    /// Its name in the object.
    pub name: String,
    /// Its hook.
    pub hook: String,
    /// How far it gets.
    pub state: ProgramState,
    /// What the kernel said; empty where it attaches.
    pub because: String,
    /// What is not seen without it.
    pub loses: String,
    /// Instructions that the verifier walked; `None` where the program did not load or the kernel does not say
    /// (before 5.16).
    pub verified_instructions: Option<u32>,
}

/// Loads and attaches each program, and takes it off again. Changes nothing that stays.
#[must_use]
pub fn probe() -> Vec<ProgramReport> {
    let offsets = Offsets::of_this_kernel();
    let options = Options { control_ring_bytes: 1 << 16, payload_ring_bytes: 1 << 16, ..Options::default() };
    let opened = open_cgroup().and_then(|cgroup| Ok((object::open(&options, &offsets)?, cgroup)));
    let (mut ebpf, cgroup) = match opened {
        Ok(opened) => opened,
        Err(error) => return all_absent(&error),
    };
    PROGRAMS
        .iter()
        .map(|spec| {
            let (state, because) = match spec.attach(&mut ebpf, &cgroup) {
                Ok(_links) => (ProgramState::Attached, String::new()),
                Err(Refusal::Absent) => (ProgramState::Absent, "not in the object".to_owned()),
                Err(Refusal::Load(because)) => (ProgramState::LoadRefused, because),
                Err(Refusal::Attach(because)) => (ProgramState::AttachRefused, because),
            };
            ProgramReport {
                name: spec.name.to_owned(),
                hook: spec.hook.to_owned(),
                state,
                because,
                loses: spec.loses.to_owned(),
                verified_instructions: walked(&ebpf, spec.name),
            }
        })
        .collect()
}

fn all_absent(error: &SensorError) -> Vec<ProgramReport> {
    PROGRAMS
        .iter()
        .map(|spec| ProgramReport {
            name: spec.name.to_owned(),
            hook: spec.hook.to_owned(),
            state: ProgramState::Absent,
            because: error.to_string(),
            loses: spec.loses.to_owned(),
            verified_instructions: None,
        })
        .collect()
}

fn walked(ebpf: &Ebpf, name: &str) -> Option<u32> {
    ebpf.program(name)?.info().ok()?.verified_instruction_count()
}

/// Instructions that this kernel's verifier walks for each program, by name; nothing is attached.
///
/// # Errors
///
/// Where the object can't be set up, or a program does not load.
pub fn verified_instructions() -> Result<Vec<(String, u32)>, SensorError> {
    let options = Options {
        control_ring_bytes: 1 << 16,
        payload_ring_bytes: 1 << 16,
        tls_library: true,
        ..Options::default()
    };
    let mut ebpf = object::open(&options, &Offsets::of_this_kernel())?;
    let mut counts = Vec::new();
    for name in PROGRAMS.iter().map(|spec| spec.name).chain(library::programs()) {
        let refused = |because: String| SensorError::Refused { program: name.to_owned(), because };
        let program = ebpf.program_mut(name).ok_or_else(|| refused("not in the object".to_owned()))?;
        program::load(program).map_err(|error| refused(object::chain(&error)))?;
        let count = walked(&ebpf, name).ok_or_else(|| refused("the kernel does not say".to_owned()))?;
        counts.push((name.to_owned(), count));
    }
    counts.sort();
    Ok(counts)
}

/// What a program cost so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProgramCost {
    /// Its name in the object.
    pub name: String,
    /// How often it ran while the kernel counted.
    pub runs: u64,
    /// Nanoseconds that these runs took, the counting itself (some tens of ns a run) included.
    pub nanoseconds: u64,
}

/// The cost of every loaded program.
pub(crate) fn cost_of(ebpf: &Ebpf) -> Vec<ProgramCost> {
    ebpf.programs()
        .filter_map(|(name, program)| {
            let info = program.info().ok()?;
            Some(ProgramCost {
                name: name.to_owned(),
                runs: info.run_count(),
                nanoseconds: u64::try_from(info.run_time().as_nanos()).unwrap_or(u64::MAX),
            })
        })
        .collect()
}
