//! TLS libraries: which functions are attached to, in which files, and what each file allows.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aya::Ebpf;
use aya::maps::{Array, MapData};
use aya::programs::trace_point::TracePointLink;
use aya::programs::uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeScope};
use aya::programs::{Program, ProgramError};
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _};
use tierzero_maps::library::{Layout, TOLD, answer};
use tierzero_maps::table;

use crate::accessor;
use crate::offsets::Offsets;
use crate::program::{Refusal, attach_to_syscalls, brief, load};
use crate::sensor::Options;

/// How far one library file got.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LibraryReport {
    /// The file.
    pub file: PathBuf,
    /// `Err` says why it can't be followed.
    pub attached: Result<(), String>,
}

/// Programs and the functions that they attach to: what forgets and what ends a call before what begins one.
type Attached = &'static [(&'static str, &'static [(&'static str, u64)])];

/// OpenSSL's interface. The cookie is the layout of its objects, read from each file.
const OPENSSL: Attached = &[
    ("tls_free_enter", &[("SSL_free", 0)]),
    (
        "tls_return",
        &[
            ("SSL_do_handshake", 0),
            ("SSL_read", 0),
            ("SSL_read_ex", 0),
            ("SSL_write", 0),
            ("SSL_write_ex", 0),
        ],
    ),
    ("tls_read_enter", &[("SSL_read", 0)]),
    ("tls_read_ex_enter", &[("SSL_read_ex", 0)]),
    ("tls_write_enter", &[("SSL_write", 0)]),
    ("tls_write_ex_enter", &[("SSL_write_ex", 0)]),
    ("tls_handshake_enter", &[("SSL_do_handshake", 0)]),
];
/// GnuTLS's, with the cookie at each function. The first two arguments of each that moves bytes are as `SSL_read`'s.
const GNUTLS: Attached = &[
    ("tls_free_enter", &[("gnutls_deinit", TOLD)]),
    (
        "tls_return",
        &[
            ("gnutls_handshake", TOLD),
            ("gnutls_record_recv", TOLD),
            ("gnutls_record_recv_seq", TOLD),
            ("gnutls_record_send", TOLD),
            ("gnutls_record_send2", TOLD),
        ],
    ),
    (
        "tls_ask_return",
        &[
            ("gnutls_certificate_get_peers", TOLD),
            ("gnutls_certificate_verify_peers", TOLD),
            ("gnutls_certificate_verify_peers2", TOLD),
            ("gnutls_certificate_verify_peers3", TOLD),
        ],
    ),
    (
        "tls_ask_enter",
        &[
            ("gnutls_certificate_get_peers", answer::RETURNED),
            ("gnutls_certificate_verify_peers2", answer::SECOND),
            ("gnutls_certificate_verify_peers3", answer::THIRD),
            ("gnutls_certificate_verify_peers", answer::FOURTH),
        ],
    ),
    ("tls_request_enter", &[("gnutls_certificate_server_set_request", TOLD)]),
    ("tls_read_enter", &[("gnutls_record_recv", TOLD), ("gnutls_record_recv_seq", TOLD)]),
    ("tls_write_enter", &[("gnutls_record_send", TOLD), ("gnutls_record_send2", TOLD)]),
    ("tls_handshake_enter", &[("gnutls_handshake", TOLD)]),
];
/// Functions that some libraries do not have (OpenSSL before 1.1.1, BoringSSL; GnuTLS before 3.6.3).
const OPTIONAL: &[&str] = &["SSL_read_ex", "SSL_write_ex", "gnutls_record_send2"];
/// The program that links a connection of a library to its socket, and its tracepoints.
const LINKS: &str = "tls_transfer_enter";
const TRANSFERS: &[&str] = &[
    "sys_enter_read",
    "sys_enter_write",
    "sys_enter_recvfrom",
    "sys_enter_sendto",
    "sys_enter_readv",
    "sys_enter_writev",
    "sys_enter_recvmsg",
    "sys_enter_sendmsg",
];
/// Accessors: of the result and the mode of verification, and of the certificate under its names since 3.0 and before.
const RESULT: &str = "SSL_get_verify_result";
const MODE: &str = "SSL_get_verify_mode";
const CERTIFICATE: [&str; 2] = ["SSL_get0_peer_certificate", "SSL_get_peer_certificate"];
/// Largest library file that is read, in bytes.
const LARGEST: u64 = 64 << 20;
/// Bytes of an accessor that are looked at.
const ACCESSOR_BYTES: usize = 160;

/// Names of every program for libraries.
pub(crate) fn programs() -> impl Iterator<Item = &'static str> {
    let names: BTreeSet<&str> = OPENSSL.iter().chain(GNUTLS).map(|(name, _)| *name).collect();
    names.into_iter().chain([LINKS])
}

/// The libraries that are followed.
#[derive(Default)]
pub(crate) struct Libraries {
    wanted: bool,
    /// Device and inode of every file that was tried.
    tried: BTreeSet<(u64, u64)>,
    /// When a library was last attached to.
    since: Option<Array<MapData, u64>>,
    links: Vec<TracePointLink>,
    /// Why no library can be followed.
    refused: Option<String>,
}

impl Libraries {
    pub(crate) fn new(wanted: bool) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// See [`crate::Sensor::follow_libraries`].
    pub(crate) fn follow(&mut self, ebpf: &mut Ebpf, files: &[PathBuf]) -> Vec<LibraryReport> {
        if !self.wanted {
            return Vec::new();
        }
        let mut reports = Vec::new();
        for file in files {
            let Ok(metadata) = std::fs::metadata(file) else { continue };
            if !self.tried.insert((metadata.dev(), metadata.ino())) {
                continue;
            }
            let attached = self.attach(ebpf, file);
            reports.push(LibraryReport { file: file.clone(), attached });
        }
        reports
    }

    fn attach(&mut self, ebpf: &mut Ebpf, file: &Path) -> Result<(), String> {
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        let functions = functions(file)?;
        if let Err(refused) = self.begin(ebpf) {
            self.refused = Some(refused.clone());
            return Err(refused);
        }
        // While only a part is attached, no connection may be taken up.
        self.set_since(u64::MAX)?;
        let attached = attach_all(ebpf, file, &functions);
        self.set_since(crate::clock::since_boot())?;
        attached
    }

    /// Loads every program, and attaches what serves all libraries. Once.
    fn begin(&mut self, ebpf: &mut Ebpf) -> Result<(), String> {
        if self.since.is_some() {
            return Ok(());
        }
        load_all(ebpf)?;
        let refused = |error: ProgramError| format!("{LINKS}: {}", Refusal::Attach(brief(&error)).because());
        if let Some(Program::TracePoint(program)) = ebpf.program_mut(LINKS) {
            self.links = attach_to_syscalls(program, TRANSFERS).map_err(refused)?;
        }
        self.since = Some(crate::sensor::take(ebpf, table::TLS_ATTACHED).map_err(|error| error.to_string())?);
        Ok(())
    }

    fn set_since(&mut self, boot_ns: u64) -> Result<(), String> {
        match &mut self.since {
            Some(since) => since.set(0, boot_ns, 0).map_err(|error| error.to_string()),
            None => Err("not begun".to_owned()),
        }
    }
}

/// Says how far each file would get, and attaches to none. The programs are loaded once to ask the kernel.
#[must_use]
pub fn library_outlook(files: &[PathBuf]) -> Vec<LibraryReport> {
    let kernel = asked_kernel();
    let report = |file: &PathBuf| {
        let attached = functions(file).and_then(|_| kernel.clone());
        LibraryReport { file: file.clone(), attached }
    };
    files.iter().map(report).collect()
}

fn asked_kernel() -> Result<(), String> {
    let options = Options {
        control_ring_bytes: 1 << 16,
        payload_ring_bytes: 1 << 16,
        tls_library: true,
        ..Options::default()
    };
    let mut ebpf =
        crate::object::open(&options, &Offsets::of_this_kernel()).map_err(|error| error.to_string())?;
    load_all(&mut ebpf)
}

/// A function of a library file, and what attaches to it.
#[derive(Debug)]
struct Function {
    name: &'static str,
    /// Offset in the file.
    offset: u64,
    program: &'static str,
    cookie: u64,
}

fn load_all(ebpf: &mut Ebpf) -> Result<(), String> {
    if !cfg!(target_arch = "x86_64") {
        return Err("the programs for libraries know the registers of x86-64 only".to_owned());
    }
    for name in programs() {
        let program = ebpf.program_mut(name).ok_or_else(|| Refusal::Absent.because())?;
        load(program).map_err(|error| {
            format!("{name}: {}; Linux 5.15 or later is needed", Refusal::Load(brief(&error)).because())
        })?;
    }
    Ok(())
}

fn attach_all(ebpf: &mut Ebpf, file: &Path, functions: &[Function]) -> Result<(), String> {
    for Function { name, offset, program, cookie } in functions {
        let Some(Program::UProbe(program)) = ebpf.program_mut(program) else {
            return Err(Refusal::Absent.because());
        };
        let location = UProbeAttachLocation::AbsoluteOffset(*offset);
        let point = UProbeAttachPoint { location, cookie: Some(*cookie) };
        program
            .attach(point, file, UProbeScope::AllProcesses)
            .map_err(|error| format!("{name}: {}", Refusal::Attach(brief(&error)).because()))?;
    }
    Ok(())
}

/// Reads a library file: what attaches to it, in order.
fn functions(file: &Path) -> Result<Vec<Function>, String> {
    let size = File::open(file).and_then(|file| file.metadata()).map_err(|error| error.to_string())?.len();
    if size > LARGEST {
        return Err("too large to be read".to_owned());
    }
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let elf = object::File::parse(&*bytes).map_err(|error| error.to_string())?;
    if elf.architecture() != object::Architecture::X86_64 {
        return Err("not built for x86-64".to_owned());
    }
    // File offset of a function by its dynamic symbol.
    let offset = |name: &str| -> Option<u64> {
        let symbol =
            elf.dynamic_symbols().find(|symbol| symbol.is_definition() && symbol.name() == Ok(name))?;
        let address = symbol.address();
        elf.segments().find_map(|segment| {
            let (start, length) = segment.file_range();
            let inside = address.checked_sub(segment.address())?;
            (inside < length).then(|| start.checked_add(inside)).flatten()
        })
    };
    let is_gnutls = offset("gnutls_record_recv").is_some();
    let mut functions = Vec::new();
    for (program, targets) in if is_gnutls { GNUTLS } else { OPENSSL } {
        for (name, cookie) in *targets {
            match offset(name) {
                Some(offset) => functions.push(Function { name, offset, program, cookie: *cookie }),
                None if OPTIONAL.contains(name) => {}
                None => return Err(format!("it has no function {name}")),
            }
        }
    }
    if is_gnutls {
        return Ok(functions);
    }
    let way = |name: &str| {
        let start = usize::try_from(offset(name)?).ok()?;
        let code = bytes.get(start..)?;
        accessor::follow(code.get(..ACCESSOR_BYTES).unwrap_or(code))
    };
    let member = |name: &str| match way(name)?.0.as_slice() {
        [offset] => u16::try_from(*offset).ok(),
        _ => None,
    };
    let certificate = CERTIFICATE.iter().find_map(|name| way(name));
    let (session, peer) = match certificate.as_ref().map(|way| way.0.as_slice()) {
        Some([session, peer]) => (u16::try_from(*session).ok(), u16::try_from(*peer).ok()),
        Some(_) | None => (None, None),
    };
    let layout = (|| {
        Some(Layout {
            session: session?,
            peer: peer?,
            verify_result: member(RESULT)?,
            verify_mode: member(MODE)?,
        })
    })();
    let layout = layout.ok_or(
        "where it keeps the peer's certificate can't be read from its functions: what is inside could not be judged",
    )?;
    for function in &mut functions {
        function.cookie = layout.pack();
    }
    Ok(functions)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tierzero_maps::library::{Layout, answer};

    use super::functions;

    #[test]
    fn the_library_of_this_machine_is_understood() {
        let file = Path::new("/usr/lib/x86_64-linux-gnu/libssl.so.3");
        if !file.exists() {
            return println!("skipped: {} is not there", file.display());
        }
        let found = functions(file).unwrap();
        assert_eq!(found.len(), 11, "{found:?}");
        let layout = Layout::unpack(found[0].cookie);
        assert!(layout.session != layout.verify_result && layout.peer != 0, "{found:?}");
        assert!(found.iter().all(|function| function.cookie == layout.pack()));
    }

    #[test]
    fn gnutls_is_known_by_its_functions() {
        let file = Path::new("/usr/lib/x86_64-linux-gnu/libgnutls.so.30");
        if !file.exists() {
            return println!("skipped: {} is not there", file.display());
        }
        let found = functions(file).unwrap();
        assert_eq!(found.len(), 20, "{found:?}");
        let asks: Vec<u64> = found
            .iter()
            .filter(|function| function.program == "tls_ask_enter")
            .map(|function| function.cookie)
            .collect();
        assert_eq!(asks, [answer::RETURNED, answer::SECOND, answer::THIRD, answer::FOURTH]);
    }

    #[test]
    fn other_files_say_why_not() {
        assert!(functions(Path::new("/proc/self/exe")).unwrap_err().contains("SSL_"));
        assert!(functions(Path::new("/proc/self/status")).is_err());
        assert!(functions(Path::new("/nowhere")).is_err());
    }
}
