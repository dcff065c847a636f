//! What this kernel, these privileges and these files allow.

mod kernel;
mod report;
mod verdicts;

use serde::Serialize;
use tierzero_core::event::{Degradation, What};

use crate::arguments::Global;
use crate::config;
use crate::output::words;
use crate::stored;
use kernel::{Kernel, Privileges};
use verdicts::VerdictOutlook;

/// Everything that `doctor` says.
#[derive(Debug, Serialize)]
pub(crate) struct Diagnosis {
    schema: &'static str,
    version: &'static str,
    host: String,
    kernel: Kernel,
    privileges: Privileges,
    programs: Vec<Program>,
    tls_libraries: Vec<TlsLibrary>,
    reading: Reading,
    degraded: Vec<Degradation>,
    verdicts: Vec<VerdictOutlook>,
    database: Answer,
    configuration: Answer,
    next: Vec<String>,
}

/// One program on this kernel.
#[derive(Debug, Serialize)]
struct Program {
    name: String,
    hook: String,
    state: &'static str,
    because: String,
    loses: String,
    verified_instructions: Option<u32>,
}

/// A file of a TLS library that `observe --tls-library` would look at.
#[derive(Debug, Serialize)]
struct TlsLibrary {
    file: String,
    followable: bool,
    because: String,
}

/// What could be read of this host.
#[derive(Debug, Default, Serialize)]
struct Reading {
    processes: u64,
    network_namespaces: u64,
    listeners: u64,
    open_connections: u64,
}

/// Whether a file can be used.
#[derive(Debug, Serialize)]
struct Answer {
    place: String,
    usable: bool,
    says: String,
}

impl Diagnosis {
    /// Looks at everything. Takes about a second with root, because every program is tried.
    pub(crate) fn make(global: &Global, root: bool) -> Self {
        let description = tierzero_host::describe();
        let kernel = Kernel::look(&description.kernel);
        let programs: Vec<Program> = tierzero_sensor::probe()
            .into_iter()
            .map(|report| Program {
                name: report.name,
                hook: report.hook,
                state: report.state.as_str(),
                because: report.because,
                loses: report.loses,
                verified_instructions: report.verified_instructions,
            })
            .collect();
        let (reading, mut degraded) = read_host();
        let missing: Vec<&Program> = programs.iter().filter(|program| program.state != ATTACHED).collect();
        let kernel_sees =
            missing.len() < programs.len() && !missing.iter().any(|program| program.name == "handshake");
        if !kernel_sees {
            degraded.insert(0, polling(&missing));
        }
        let verdicts =
            verdicts::outlook(kernel_sees, &missing.iter().map(|one| one.name.as_str()).collect::<Vec<_>>());
        let database = database(global, root);
        let configuration = configuration(global);
        let mut diagnosis = Self {
            schema: "tierzero/doctor/1",
            version: env!("CARGO_PKG_VERSION"),
            host: description.name,
            kernel,
            privileges: Privileges::look(root),
            programs,
            tls_libraries: tls_libraries(),
            reading,
            degraded,
            verdicts,
            database,
            configuration,
            next: Vec::new(),
        };
        diagnosis.next = diagnosis.advice(kernel_sees, root);
        diagnosis
    }

    fn advice(&self, kernel_sees: bool, root: bool) -> Vec<String> {
        let mut next = Vec::new();
        if !root {
            next.push("run `sudo tierzero doctor`: root adds the kernel's own word on connections, payload, and the \
                       processes of other users"
                .to_owned());
        } else if !kernel_sees {
            next.push(
                "the kernel's reason is above; without it `tierzero observe` polls socket tables".to_owned(),
            );
        }
        if !self.configuration.usable {
            next.push(
                "correct the configuration: `observe` and `replay` start with none that has an error"
                    .to_owned(),
            );
        }
        if !self.database.usable {
            next.push("name a database that can be used with --db".to_owned());
        }
        if next.is_empty() {
            next.push("`tierzero observe`".to_owned());
        }
        next
    }
}

fn tls_libraries() -> Vec<TlsLibrary> {
    let found = tierzero_host::TlsLibraries::find();
    tierzero_sensor::library_outlook(&found.files)
        .into_iter()
        .map(|report| TlsLibrary {
            file: report.file.display().to_string(),
            followable: report.attached.is_ok(),
            because: report.attached.err().unwrap_or_default(),
        })
        .collect()
}

/// State of a program that works.
const ATTACHED: &str = "attached";

/// What `observe` will do instead, and why.
fn polling(missing: &[&Program]) -> Degradation {
    Degradation {
        because: missing.first().map(|program| program.because.clone()).unwrap_or_default(),
        ..tierzero_host::Poller::degradation()
    }
}

fn read_host() -> (Reading, Vec<Degradation>) {
    let mut host = match tierzero_host::Host::new() {
        Ok(host) => host,
        Err(error) => {
            let degradation = Degradation {
                name: "no-proc".to_owned(),
                loses: "This host can't be observed.".to_owned(),
                because: error.to_string(),
                remedy: error.hint().to_owned(),
            };
            return (Reading::default(), vec![degradation]);
        }
    };
    let (events, degraded) = host.snapshot(jiff::Timestamp::now());
    let count = |of: fn(&What) -> bool| words::count(events.iter().filter(|event| of(&event.what)).count());
    let reading = Reading {
        processes: count(|what| matches!(what, What::ProcessSeen { .. })),
        network_namespaces: count(|what| matches!(what, What::NetnsSeen { .. })),
        listeners: count(|what| matches!(what, What::Listening(_))),
        open_connections: count(|what| {
            matches!(what, What::AlreadyOpen { .. } | What::UnixAlreadyOpen { .. })
        }),
    };
    (reading, degraded)
}

/// Opened for reading only: a doctor leaves nothing behind.
fn database(global: &Global, root: bool) -> Answer {
    let db = global.db();
    let place = db.shown();
    let Some(path) = db.file() else {
        return Answer { place, usable: true, says: "nothing will be kept".to_owned() };
    };
    if path.exists() {
        return match stored::read_only(global) {
            Ok(_) => Answer { place, usable: true, says: "there, and can be read".to_owned() },
            Err(failure) => Answer { place, usable: false, says: failure.brief() },
        };
    }
    let parent = path.ancestors().skip(1).find(|parent| parent.exists());
    let writable = root
        || parent.is_some_and(|parent| {
            let parent = if parent.as_os_str().is_empty() { std::path::Path::new(".") } else { parent };
            rustix::fs::access(parent, rustix::fs::Access::WRITE_OK).is_ok()
        });
    let says = if writable {
        "not there yet; `tierzero observe` makes it"
    } else {
        "not there, and can't be made here"
    };
    Answer { place, usable: writable, says: says.to_owned() }
}

fn configuration(global: &Global) -> Answer {
    let named = global.config.as_deref();
    let path = named.unwrap_or_else(|| std::path::Path::new(crate::place::CONFIG));
    let place = path.display().to_string();
    if named.is_none() && !path.exists() {
        return Answer { place, usable: true, says: "not there; defaults are used".to_owned() };
    }
    match config::load(named) {
        Ok(_) => Answer { place, usable: true, says: "no error found".to_owned() },
        Err(failure) => Answer { place, usable: false, says: failure.brief() },
    }
}
