//! A running sensor.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{HashMap, MapData, PerCpuArray};
use aya::programs::trace_point::TracePointLink;
use jiff::Timestamp;
use tierzero_core::event::{Coverage, Degradation, Event, What};
use tierzero_core::wire::{Clock, Decoded};
use tierzero_maps::{place, table};

use crate::early::Early;
use crate::error::SensorError;
use crate::library::{Libraries, LibraryReport};
use crate::missed::Missed;
use crate::offsets::Offsets;
use crate::order::Waiting;
use crate::program::{Group, PROGRAMS, Refusal, Spec};
use crate::report::{ProgramCost, cost_of};
use crate::ring::Ring;
use crate::unix_names::UnixNames;
use crate::{cgroup, clock, object};

/// How long the rings may rest before they are looked at. The kernel side wakes the reader earlier when much waits;
/// a wake-up for each record would cost the observed processes a context switch.
const REST: Duration = Duration::from_millis(25);

/// What the sensor is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Bytes of the ring for processes and connections; a power of two, at least one page.
    pub control_ring_bytes: u32,
    /// Bytes of the ring for payload; a power of two, at least one page.
    pub payload_ring_bytes: u32,
    /// Payload bytes kept of each direction of a connection, 1 to 65,536.
    pub payload_bytes: u32,
    /// Follow Unix stream sockets.
    pub unix: bool,
    /// Follow UDP.
    pub udp: bool,
    /// Look inside TLS through the libraries of the receivers ([`Sensor::follow_libraries`]).
    pub tls_library: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            control_ring_bytes: 4 << 20,
            payload_ring_bytes: 8 << 20,
            payload_bytes: 16 << 10,
            unix: true,
            udp: true,
            tls_library: false,
        }
    }
}

impl Options {
    /// With sizes that the kernel takes.
    fn allowed(self) -> Self {
        let ring = |bytes: u32| bytes.clamp(1 << 16, 1 << 30).next_power_of_two();
        Self {
            control_ring_bytes: ring(self.control_ring_bytes),
            payload_ring_bytes: ring(self.payload_ring_bytes),
            payload_bytes: self.payload_bytes.clamp(1, 1 << 16),
            unix: self.unix,
            udp: self.udp,
            tls_library: self.tls_library,
        }
    }
}

/// Attached programs and what they tell. Dropping it detaches them all.
pub struct Sensor {
    ebpf: Ebpf,
    cgroup: File,
    /// Attached syscall tracepoints; dropping one detaches it.
    unix_links: Vec<TracePointLink>,
    control: Ring,
    payload: Ring,
    lost: PerCpuArray<MapData, u64>,
    local_addresses: HashMap<MapData, [u32; 4], u32>,
    known_addresses: BTreeSet<[u32; 4]>,
    clock: Clock,
    waiting: Waiting,
    early: Early,
    unix_names: UnixNames,
    /// What `lost` said when last asked, by place.
    lost_before: Vec<u64>,
    missed: Missed,
    libraries: Libraries,
    /// Records that could not be decoded, since last asked.
    undecoded: u64,
}

impl std::fmt::Debug for Sensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sensor").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Sensor {
    /// Loads and attaches what this kernel allows. What it refuses is named.
    ///
    /// # Errors
    ///
    /// Where no TCP connection could be seen: no privileges, no cgroup2, or the kernel refuses the program for it.
    pub fn start(options: Options) -> Result<(Self, Vec<Degradation>), SensorError> {
        let options = options.allowed();
        let offsets = Offsets::of_this_kernel();
        let mut degradations = offset_degradations(&offsets);
        let cgroup = open_cgroup()?;
        let mut ebpf = object::open(&options, &offsets)?;
        let mut unix_links = Vec::new();
        let mut unix_refusals = Vec::new();
        for program in PROGRAMS {
            let wanted = match program.group {
                Group::Core | Group::Always => true,
                Group::Udp => options.udp,
                Group::Unix => options.unix,
            };
            if !wanted {
                continue;
            }
            match program.attach(&mut ebpf, &cgroup) {
                Ok(links) => unix_links.extend(links),
                Err(refusal) if program.group == Group::Core => {
                    return Err(SensorError::Refused {
                        program: program.name.to_owned(),
                        because: refusal.because(),
                    });
                }
                Err(refusal) if program.group == Group::Unix => unix_refusals.push((program, refusal)),
                Err(refusal) => degradations.push(program.degradation(&refusal)),
            }
        }
        degradations.extend(unix_degradation(&unix_refusals));
        let lost = take(&mut ebpf, table::LOST)?;
        let local_addresses = take(&mut ebpf, table::LOCAL_ADDRESSES)?;
        let sensor = Self {
            control: Ring::take(&mut ebpf, table::CONTROL)?,
            payload: Ring::take(&mut ebpf, table::PAYLOAD)?,
            lost,
            missed: Missed::of(&ebpf),
            libraries: Libraries::new(options.tls_library),
            local_addresses,
            known_addresses: BTreeSet::new(),
            cgroup,
            unix_links,
            ebpf,
            clock: clock::relate(),
            waiting: Waiting::default(),
            early: Early::default(),
            unix_names: UnixNames::default(),
            lost_before: Vec::new(),
            undecoded: 0,
        };
        Ok((sensor, degradations))
    }

    /// Waits for a moment (at most 25 ms) or until much waits, then appends what happened, in order of time. Events of
    /// the last 2 ms wait for the next call, because an older one could still come from the other ring.
    ///
    /// # Errors
    ///
    /// Where a ring can't be waited for. Must be called inside a tokio runtime with I/O and time enabled.
    pub async fn next(&mut self, out: &mut Vec<Event>) -> Result<(), SensorError> {
        self.control.register()?;
        self.payload.register()?;
        tokio::select! {
            () = self.control.readable() => {}
            () = self.payload.readable() => {}
            () = tokio::time::sleep(REST) => {}
        }
        let now = self.drain();
        let ripe: Vec<Decoded> = self.waiting.ripe(now).collect();
        self.hand_over(ripe, out);
        self.early.forget(self.clock.wall(now));
        Ok(())
    }

    /// Appends everything that is still on the way. For the end of observation.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        self.drain();
        let all: Vec<Decoded> = self.waiting.all().collect();
        self.hand_over(all, out);
    }

    /// Empties both rings; returns the time (since boot) up to which everything was read. Payload goes first: then
    /// every control record that is older than a payload record is read too.
    fn drain(&mut self) -> u64 {
        let Self { control, payload, waiting, clock, .. } = self;
        let mut until = clock::since_boot();
        for ring in [payload, control] {
            let mut newest = 0;
            let more = ring.drain(|record| newest = waiting.push(record, clock));
            if more {
                until = until.min(newest);
            }
        }
        until
    }

    fn hand_over(&mut self, records: Vec<Decoded>, out: &mut Vec<Event>) {
        for record in records {
            match record {
                Decoded::Event(mut event) => {
                    self.unix_names.rename(&mut event.what);
                    out.push(event);
                }
                Decoded::Responder { event, end, ends, received_base } => {
                    let at = event.at;
                    out.push(event);
                    out.extend(self.early.join(end, &ends, received_base, at));
                }
                Decoded::Early(early) => self.early.keep(early),
                Decoded::Foreign { abi } => {
                    tracing::debug!(abi, "record of another layout");
                    self.undecoded += 1;
                }
                Decoded::Unknown { kind } | Decoded::Malformed { kind } => {
                    tracing::debug!(kind, "record that could not be decoded");
                    self.undecoded += 1;
                }
            }
        }
    }

    /// What was lost since last asked, by place: one event for each place that lost something. Places that begin with
    /// `missed-` count runs that the kernel skipped, each of which would have told of one event at most.
    pub fn losses(&mut self) -> Vec<Event> {
        let at = Timestamp::now();
        let mut losses: Vec<(String, u64)> = Vec::new();
        self.lost_before.resize(usize::try_from(place::COUNT).unwrap_or(0), 0);
        for (place, before) in (0..place::COUNT).zip(self.lost_before.iter_mut()) {
            let now: u64 = match self.lost.get(&place, 0) {
                Ok(counts) => counts.iter().sum(),
                Err(error) => {
                    tracing::warn!(%error, place, "a loss counter could not be read");
                    continue;
                }
            };
            losses.push((place::name(place).to_owned(), now.saturating_sub(*before)));
            *before = now;
        }
        losses.push(("early-payload".to_owned(), self.early.take_lost()));
        losses.extend(self.missed.take());
        losses.push(("undecoded-record".to_owned(), std::mem::take(&mut self.undecoded)));
        losses
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(place, count)| Event { at, what: What::Coverage(Coverage::Lost { place, count }) })
            .collect()
    }

    /// Tells the programs which addresses belong to this host, in any network namespace: payload of a connection to
    /// one of them is looked at where it arrives, not where it leaves.
    ///
    /// # Errors
    ///
    /// Where the table can't be written. Addresses beyond its size are left out, which costs only double work.
    pub fn set_local_addresses(&mut self, addresses: &[IpAddr]) -> Result<(), SensorError> {
        let refused = |error: aya::maps::MapError| SensorError::Map {
            map: table::LOCAL_ADDRESSES.to_owned(),
            because: error.to_string(),
        };
        let most = usize::try_from(table::LOCAL_ADDRESSES_MAX).unwrap_or(usize::MAX);
        let wanted: BTreeSet<[u32; 4]> = addresses.iter().map(words).take(most).collect();
        for gone in self.known_addresses.difference(&wanted) {
            self.local_addresses.remove(gone).map_err(refused)?;
        }
        for new in wanted.difference(&self.known_addresses) {
            self.local_addresses.insert(new, 1, 0).map_err(refused)?;
        }
        self.known_addresses = wanted;
        Ok(())
    }

    /// Takes the tracepoints of Unix sockets off, or puts them on again: while one of them is on, every syscall of
    /// the host takes the slower path. What was attached before and can't be attached now is logged.
    pub fn unix_payload(&mut self, on: bool) {
        if on != self.unix_links.is_empty() {
            return;
        }
        if !on {
            self.unix_links.clear();
            return;
        }
        for program in PROGRAMS.iter().filter(|program| program.group == Group::Unix) {
            match program.attach(&mut self.ebpf, &self.cgroup) {
                Ok(links) => self.unix_links.extend(links),
                Err(refusal) => tracing::warn!(program = program.name, "{}", refusal.because()),
            }
        }
    }

    /// Attaches to the TLS libraries among these files that were not tried before, and says how far each got. Nothing
    /// where [`Options::tls_library`] is off.
    pub fn follow_libraries(&mut self, files: &[PathBuf]) -> Vec<LibraryReport> {
        self.libraries.follow(&mut self.ebpf, files)
    }

    /// Run time of each program since it was loaded; only counted while `kernel.bpf_stats_enabled` is 1.
    #[must_use]
    pub fn cost(&self) -> Vec<ProgramCost> {
        cost_of(&self.ebpf)
    }
}

/// An address as the kernel side has it: IPv4 mapped into IPv6, words in network byte order.
fn words(address: &IpAddr) -> [u32; 4] {
    let octets = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(octets.as_chunks::<4>().0) {
        *word = u32::from_ne_bytes(*bytes);
    }
    words
}

/// Opens the cgroup root that everything attaches to.
pub(crate) fn open_cgroup() -> Result<File, SensorError> {
    let Some(path) = cgroup::mount_point() else {
        return Err(SensorError::NoCgroup { because: "none in /proc/self/mountinfo".to_owned() });
    };
    File::open(&path)
        .map_err(|error| SensorError::NoCgroup { because: format!("{}: {error}", path.display()) })
}

/// Takes a map out of the object.
pub(crate) fn take<M>(ebpf: &mut Ebpf, name: &str) -> Result<M, SensorError>
where
    M: TryFrom<aya::maps::Map, Error = aya::maps::MapError>,
{
    let refused = |because: String| SensorError::Map { map: name.to_owned(), because };
    let map = ebpf.take_map(name).ok_or_else(|| refused("not in the object".to_owned()))?;
    M::try_from(map).map_err(|error| refused(error.to_string()))
}

/// What missing type information costs.
fn offset_degradations(offsets: &Offsets) -> Vec<Degradation> {
    let remedy = "use a kernel that is built with CONFIG_DEBUG_INFO_BTF".to_owned();
    if let Some(because) = &offsets.failure {
        return vec![Degradation {
            name: "no-btf".to_owned(),
            loses:
                "not seen: which process made, took or closed a connection, and processes that end before \
                    /proc is read"
                    .to_owned(),
            because: because.clone(),
            remedy,
        }];
    }
    if !offsets.names_processes() {
        return vec![Degradation {
            name: "no-process-offsets".to_owned(),
            loses: "not seen: which process made, took or closed a connection".to_owned(),
            because: format!("this kernel's types lack {}", offsets.missing.join(", ")),
            remedy,
        }];
    }
    Vec::new()
}

/// What missing syscall tracepoints cost: one degradation, because they go together (no tracefs, no
/// CONFIG_FTRACE_SYSCALLS).
fn unix_degradation(refusals: &[(&Spec, Refusal)]) -> Option<Degradation> {
    let (first, refusal) = refusals.first()?;
    let mut loses: Vec<&str> = refusals.iter().map(|(program, _)| program.loses).collect();
    loses.dedup();
    Some(Degradation {
        name: "no-unix".to_owned(),
        loses: format!("not seen: {}", loses.join("; ")),
        because: format!("{}: {}", first.hook, refusal.because()),
        remedy:
            "run as root, or mount tracefs at /sys/kernel/tracing, on a kernel with CONFIG_FTRACE_SYSCALLS"
                .to_owned(),
    })
}
