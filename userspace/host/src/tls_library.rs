//! Files of TLS libraries on this host: where the loader looks, and what running processes have mapped, containers
//! included.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tierzero_core::event::Degradation;

/// Directories of the dynamic loader (ld.so(8)) and those that distributions add.
const DIRECTORIES: &[&str] = &[
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/local/lib64",
];
/// Libraries of other interfaces, by the beginning of their file's name.
const OTHERS: &[(&str, &str)] = &[
    ("libssl3.so", "NSS"),
    ("libmbedtls.so", "Mbed TLS"),
    ("libwolfssl.so", "wolfSSL"),
    ("libs2n.so", "s2n-tls"),
];
/// Most files that are given.
const MOST: usize = 256;

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsLibraries {
    /// Files of OpenSSL's interface and of GnuTLS, each once.
    pub files: Vec<PathBuf>,
    /// Processes that have a library of another interface mapped, by its name.
    pub others: BTreeMap<&'static str, u64>,
}

impl TlsLibraries {
    /// Looks at the loader's directories and at every process's mappings. Takes some milliseconds for a hundred
    /// processes; what may not be read is left out.
    #[must_use]
    pub fn find() -> Self {
        let mut found = Found::default();
        for directory in DIRECTORIES {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                if entry.file_name().to_str().is_some_and(is_followed) {
                    found.file(entry.path());
                }
            }
        }
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
            else {
                continue;
            };
            let Ok(maps) = fs::read(entry.path().join("maps")) else { continue };
            found.process(pid, &String::from_utf8_lossy(&maps));
        }
        found.libraries
    }

    /// The part of the host's TLS that following these files does not cover.
    #[must_use]
    pub fn uncovered(&self) -> Degradation {
        let others: Vec<String> =
            self.others.iter().map(|(name, processes)| format!("{name} in {processes}")).collect();
        let because = if others.is_empty() {
            "no process has another known TLS library mapped now".to_owned()
        } else {
            format!("processes that have another TLS library mapped now: {}", others.join(", "))
        };
        Degradation {
            name: "tls-library-partial".to_owned(),
            loses: "not seen: what is inside TLS of receivers that do not use a shared library of OpenSSL's interface \
                    or GnuTLS with sockets of their own (Go, Rust, Java, programs with the library built in, NSS, QUIC, \
                    asynchronous programs that hand bytes to the library themselves); it stays opaque"
                .to_owned(),
            because,
            remedy: String::new(),
        }
    }
}

#[derive(Default)]
struct Found {
    libraries: TlsLibraries,
    known: BTreeSet<(u64, u64)>,
}

impl Found {
    fn file(&mut self, path: PathBuf) {
        let Ok(metadata) = fs::metadata(&path) else { return };
        if metadata.is_file()
            && self.libraries.files.len() < MOST
            && self.known.insert((metadata.dev(), metadata.ino()))
        {
            self.libraries.files.push(path);
        }
    }

    /// The mappings of one process, as proc_pid_maps(5) writes them.
    fn process(&mut self, pid: &str, maps: &str) {
        let mut others = BTreeSet::new();
        let mut before = "";
        for line in maps.lines() {
            let Some((range, path)) = mapped(line) else { continue };
            if path == before {
                continue;
            }
            before = path;
            let (path, deleted) = match path.strip_suffix(" (deleted)") {
                Some(path) => (path, true),
                None => (path, false),
            };
            let Some(name) = path.rsplit('/').next() else { continue };
            if is_followed(name) {
                // As the process sees it: its root may be a container's, and a file that was replaced has no path.
                let file = if deleted {
                    format!("/proc/{pid}/map_files/{range}")
                } else {
                    format!("/proc/{pid}/root{path}")
                };
                self.file(Path::new(&file).to_path_buf());
            }
            others.extend(OTHERS.iter().filter(|(start, _)| name.starts_with(start)).map(|(_, kind)| *kind));
        }
        for kind in others {
            *self.libraries.others.entry(kind).or_default() += 1;
        }
    }
}

/// Range and path of a mapped file.
fn mapped(line: &str) -> Option<(&str, &str)> {
    let (range, rest) = line.split_once(' ')?;
    let path = rest.get(rest.find('/')?..)?;
    Some((range, path))
}

/// `libssl.so.3`, `libgnutls.so.30`, and `libssl-1a2b3c.so.3` as Python's packages carry it; not NSS's `libssl3.so`.
fn is_followed(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libssl").or_else(|| name.strip_prefix("libgnutls")) else {
        return false;
    };
    match rest.strip_prefix('-').and_then(|rest| rest.split_once(".so")) {
        Some((mark, _)) => mark.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => rest.starts_with(".so"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, TlsLibraries, is_followed, mapped};

    #[test]
    fn names_of_the_interfaces() {
        for name in ["libssl.so", "libssl.so.3", "libssl.so.1.1", "libssl-3f2a.so.3", "libgnutls.so.30.34.3"]
        {
            assert!(is_followed(name), "{name}");
        }
        for name in [
            "libssl3.so",
            "libssl.a",
            "libssl-dev",
            "libsslcommon.so",
            "xlibssl.so",
            "libgnutlsxx.so.30",
            "libgnutls-dane.so.0",
        ] {
            assert!(!is_followed(name), "{name}");
        }
    }

    #[test]
    fn mappings_of_a_process() {
        let line = "7f10-7f20 r-xp 00001000 fe:00 77  /usr/lib/x/libssl.so.3";
        assert_eq!(mapped(line), Some(("7f10-7f20", "/usr/lib/x/libssl.so.3")));
        assert_eq!(mapped("7f10-7f20 rw-p 00000000 00:00 0 [heap]"), None);
        let mut found = Found::default();
        found.process(
            "1",
            "1-2 r-xp 0 0:0 7 /usr/lib/libwolfssl.so.35\n3-4 r--p 0 0:0 7 /usr/lib/libwolfssl.so.35\n",
        );
        found.process(
            "2",
            "1-2 r-xp 0 0:0 7 /usr/lib/libwolfssl.so.35\n3-4 r--p 0 0:0 8 /usr/lib/libssl3.so\n",
        );
        assert_eq!(found.libraries.others.into_iter().collect::<Vec<_>>(), [("NSS", 1), ("wolfSSL", 2)]);
    }

    #[test]
    fn this_host_has_each_file_once() {
        let TlsLibraries { files, .. } = TlsLibraries::find();
        let mut once = files.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), files.len());
    }
}
