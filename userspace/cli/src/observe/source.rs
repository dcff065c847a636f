//! Where events come from: the kernel, or what is left when the kernel refuses.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tierzero_core::event::{Coverage, Degradation, Event, What};
use tierzero_host::{Host, Poller, TlsLibraries};
use tierzero_sensor::{LibraryReport, Options, Sensor, SensorError};

use crate::config::Config;
use crate::error::{Failure, Outcome};

/// Without a sensor there is nothing to wait for between two polls, which come each second.
const REST: Duration = Duration::from_millis(250);

/// New TLS libraries are looked for this often: in containers, in programs that load one late.
const LIBRARIES: Duration = Duration::from_secs(10);

/// Where events come from.
pub(crate) enum Source {
    /// The kernel tells.
    Kernel(Box<Kernel>),
    /// Socket tables are asked.
    Polling(Poller),
}

/// A sensor with the host it observes.
pub(crate) struct Kernel {
    sensor: Sensor,
    host: Host,
    addresses: Vec<IpAddr>,
    before: Vec<Event>,
    /// When to look for new TLS libraries; `None` when they are not followed.
    libraries_due: Option<Instant>,
}

impl Source {
    /// Attaches to the kernel and reads what was there before; where that can't be, begins to poll. The first events
    /// of the source are appended to `out`, beginning with the host.
    pub(crate) fn start(config: &Config, out: &mut Vec<Event>) -> Outcome<Self> {
        let mut host = Host::new().map_err(|error| {
            Failure::new("this host can't be observed").caused_by(&error).next(error.hint())
        })?;
        host.look_for_env(config.agents.env_names());
        let now = Timestamp::now();
        out.push(Event { at: now, what: What::Host(tierzero_host::describe()) });
        match Sensor::start(options(config)) {
            Ok((mut sensor, degraded)) => {
                // Attached first, read afterwards: nothing falls between.
                let now = Timestamp::now();
                out.push(Event { at: now, what: What::Started });
                say_degraded(out, now, degraded);
                let (events, degraded) = host.snapshot(Timestamp::now());
                say_degraded(out, Timestamp::now(), degraded);
                out.extend(events);
                let addresses = host.local_addresses();
                if let Err(error) = sensor.set_local_addresses(&addresses) {
                    tracing::warn!(%error, "the sensor does not know the local addresses");
                }
                let libraries_due = config.tls_library.then(Instant::now);
                let mut kernel = Kernel { sensor, host, addresses, before: Vec::new(), libraries_due };
                if config.tls_library {
                    let found = TlsLibraries::find();
                    say_degraded(out, Timestamp::now(), vec![found.uncovered()]);
                    kernel.follow_libraries(&found, out);
                }
                Ok(Self::Kernel(Box::new(kernel)))
            }
            Err(error) => {
                out.push(Event { at: now, what: What::Started });
                // The first poll tells what is there; this tells what of it may not be read.
                let (_, degraded) = host.snapshot(now);
                say_degraded(out, now, degraded);
                Ok(Self::poll(host, &error, out))
            }
        }
    }

    fn poll(host: Host, error: &SensorError, out: &mut Vec<Event>) -> Self {
        let now = Timestamp::now();
        let mut poller = Poller::new(host);
        let mut degradation = Poller::degradation();
        degradation.because = error.to_string();
        degradation.remedy = error.hint().to_owned();
        say_degraded(out, now, vec![degradation]);
        poller.poll(now, out);
        Self::Polling(poller)
    }

    /// The sensor failed: goes on by polling, and says since when nothing was seen.
    pub(crate) fn fall_back(self, error: &SensorError, blind_since: Timestamp, out: &mut Vec<Event>) -> Self {
        match self {
            Self::Kernel(kernel) => {
                let polling = Self::poll(kernel.host, error, out);
                let now = Timestamp::now();
                let reason = format!("the sensor failed: {error}");
                let what = What::Coverage(Coverage::Blind { from: blind_since, to: now, reason });
                out.push(Event { at: now, what });
                polling
            }
            Self::Polling(poller) => Self::Polling(poller),
        }
    }

    /// Waits a moment for events and appends them, each with what the host knows about it.
    pub(crate) async fn next(&mut self, out: &mut Vec<Event>) -> Result<(), SensorError> {
        match self {
            Self::Kernel(kernel) => kernel.next(out).await,
            Self::Polling(_) => {
                tokio::time::sleep(REST).await;
                Ok(())
            }
        }
    }

    /// Once a second: losses, address translation, processes of sockets that nobody named, new addresses.
    pub(crate) fn each_second(&mut self, unnamed: &[u64], out: &mut Vec<Event>) {
        let now = Timestamp::now();
        match self {
            Self::Kernel(kernel) => kernel.each_second(unnamed, now, out),
            Self::Polling(poller) => poller.poll(now, out),
        }
    }

    /// What is still on the way, for the end.
    pub(crate) fn finish(&mut self, out: &mut Vec<Event>) {
        let now = Timestamp::now();
        match self {
            Self::Kernel(kernel) => {
                let from = out.len();
                kernel.sensor.finish(out);
                kernel.enrich(from, out);
                kernel.each_second(&[], now, out);
            }
            Self::Polling(poller) => poller.poll(now, out),
        }
    }

    /// Does the kernel tell?
    pub(crate) fn is_kernel(&self) -> bool {
        matches!(self, Self::Kernel(_))
    }
}

impl Kernel {
    async fn next(&mut self, out: &mut Vec<Event>) -> Result<(), SensorError> {
        let from = out.len();
        let result = self.sensor.next(out).await;
        self.enrich(from, out);
        result
    }

    /// What the host learns from an event goes before it.
    fn enrich(&mut self, from: usize, out: &mut Vec<Event>) {
        let mut fresh = out.split_off(from.min(out.len()));
        if let Some(first) = fresh.first() {
            self.host.translated(first.at, out);
        }
        for mut event in fresh.drain(..) {
            self.host.enrich(&mut event, &mut self.before);
            out.append(&mut self.before);
            out.push(event);
        }
    }

    fn each_second(&mut self, unnamed: &[u64], now: Timestamp, out: &mut Vec<Event>) {
        out.extend(self.sensor.losses());
        self.host.translations(now, out);
        if !unnamed.is_empty() {
            for (cookie, holders) in self.host.holders(unnamed) {
                if let Some(process) = holders.first() {
                    let end = tierzero_core::id::EndKey::Tcp { cookie };
                    out.push(Event { at: now, what: What::Accepted { end, process: *process, ends: None } });
                }
            }
        }
        if self.libraries_due.is_some_and(|due| due <= Instant::now()) {
            self.follow_libraries(&TlsLibraries::find(), out);
        }
        let addresses = self.host.local_addresses();
        if addresses != self.addresses {
            match self.sensor.set_local_addresses(&addresses) {
                Ok(()) => self.addresses = addresses,
                Err(error) => tracing::warn!(%error, "the sensor does not know the new local addresses"),
            }
        }
    }
}

impl Kernel {
    /// Attaches to libraries that were not there before; each that can't be followed is a degradation.
    fn follow_libraries(&mut self, found: &TlsLibraries, out: &mut Vec<Event>) {
        self.libraries_due = Some(Instant::now() + LIBRARIES);
        for LibraryReport { file, attached } in self.sensor.follow_libraries(&found.files) {
            match attached {
                Ok(()) => tracing::info!(file = %file.display(), "a TLS library is followed"),
                Err(because) => {
                    let degradation = Degradation {
                        name: "no-tls-library".to_owned(),
                        loses: format!(
                            "not seen: what is inside TLS of programs that use {}",
                            file.display()
                        ),
                        because,
                        remedy: "`tierzero doctor` shows which libraries can be followed".to_owned(),
                    };
                    say_degraded(out, Timestamp::now(), vec![degradation]);
                }
            }
        }
    }
}

fn say_degraded(out: &mut Vec<Event>, at: Timestamp, degraded: Vec<Degradation>) {
    out.extend(degraded.into_iter().map(|one| Event { at, what: What::Coverage(Coverage::Degraded(one)) }));
}

fn options(config: &Config) -> Options {
    let defaults = Options::default();
    Options {
        payload_ring_bytes: config.ring_bytes.unwrap_or(defaults.payload_ring_bytes),
        payload_bytes: config.payload_bytes.unwrap_or(defaults.payload_bytes),
        tls_library: config.tls_library,
        ..defaults
    }
}
