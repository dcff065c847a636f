//! Debian's kernels, fetched from whatever mirror apt is configured with, beside apt's own state.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::vmlinux;
use crate::process;

/// A kernel series and where Debian keeps it.
pub(super) struct Series {
    /// As people say it: `6.1`.
    pub(super) name: &'static str,
    /// Suites of the archive; those of the security archive end in `-security`.
    suites: &'static [&'static str],
    /// Booted when no series is named.
    pub(super) usual: bool,
    /// The newest there is will do once this series has gone.
    or_newer: bool,
}

/// From old to new.
pub(super) const SERIES: [Series; 5] = [
    Series { name: "5.10", suites: &["bullseye", "bullseye-security"], usual: true, or_newer: false },
    Series { name: "6.1", suites: &["bookworm", "bookworm-security"], usual: true, or_newer: false },
    Series { name: "6.12", suites: &["trixie", "trixie-security"], usual: false, or_newer: false },
    Series { name: "7.2", suites: &["sid"], usual: false, or_newer: true },
    Series { name: "7.3", suites: &["sid", "experimental"], usual: true, or_newer: true },
];

/// A kernel ready to boot.
pub(super) struct Kernel {
    /// The Debian package it came from.
    pub(super) package: String,
    /// Uncompressed, so that no time is spent on that under emulation.
    pub(super) vmlinux: PathBuf,
}

/// The newest kernel of a series: the one fetched before, or from the mirror.
pub(super) fn fetch(series: &Series, update: bool) -> Result<Kernel, String> {
    let place = process::target().join("vm").join(series.name);
    let ready = |package: &str| Kernel { package: package.trim().to_owned(), vmlinux: place.join("vmlinux") };
    if !update && let Ok(package) = std::fs::read_to_string(place.join("package")) {
        return Ok(ready(&package));
    }
    let apt = Apt::new(&place, series)?;
    let package = newest(&apt.kernels()?, series)?;
    let image = apt.image(&package)?;
    let kernel = vmlinux::extract(&image, &place)?;
    write(&place.join("vmlinux"), &kernel)?;
    // Written last: what is there is whole.
    write(&place.join("package"), package.as_bytes())?;
    Ok(ready(&package))
}

/// Prints what could be booted.
pub(super) fn list() -> Result<(), String> {
    println!("{:7} {:7} {:45} suites", "series", "usual", "newest package");
    for series in &SERIES {
        let place = process::target().join("vm").join(series.name);
        let found = Apt::new(&place, series).and_then(|apt| newest(&apt.kernels()?, series));
        let package = found.unwrap_or_else(|says| format!("({says})"));
        let usual = if series.usual { "yes" } else { "-" };
        println!("{:7} {usual:7} {package:45} {}", series.name, series.suites.join(" "));
    }
    Ok(())
}

/// apt with a directory of its own: the system's package lists stay untouched.
struct Apt {
    place: PathBuf,
}

impl Apt {
    fn new(place: &Path, series: &Series) -> Result<Self, String> {
        let apt = Self { place: place.join("apt") };
        for directory in ["lists/partial", "cache/archives/partial", "deb"] {
            let path = apt.place.join(directory);
            std::fs::create_dir_all(&path)
                .map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        }
        let (archive, security) = mirror()?;
        let line = |suite: &&str| {
            let site = if suite.ends_with("-security") { &security } else { &archive };
            format!("deb {site} {suite} main\n")
        };
        let sources: String = series.suites.iter().map(line).collect();
        write(&apt.place.join("sources.list"), sources.as_bytes())?;
        process::output(apt.command("apt-get").args(["update", "-q"]))?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let at = |option: &str, path: &str| format!("{option}={}", self.place.join(path).display());
        for option in [
            at("Dir::Etc::sourcelist", "sources.list"),
            at("Dir::State::Lists", "lists"),
            at("Dir::Cache", "cache"),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            "Dir::State::status=/dev/null".to_owned(),
            "Acquire::Languages=none".to_owned(),
            // A mirror that is being renewed answers again a moment later.
            "Acquire::Retries=5".to_owned(),
            // A mirror that lags still serves what the archive signed, and an old kernel is as good a test as a new one.
            "Acquire::Check-Valid-Until=false".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            // The user that apt would become may not write here.
            "APT::Sandbox::User=".to_owned(),
            "APT::Architecture=amd64".to_owned(),
        ] {
            command.arg("-o").arg(option);
        }
        command.current_dir(self.place.join("deb"));
        command
    }

    /// Names of packages that hold a kernel image for virtual machines.
    fn kernels(&self) -> Result<Vec<String>, String> {
        let found = process::output(self.command("apt-cache").args(["pkgnames", "linux-"]))?;
        let kernel = |name: &&str| {
            name.ends_with("-cloud-amd64")
                && (name.starts_with("linux-image-") || name.starts_with("linux-binary-"))
        };
        Ok(found.lines().filter(kernel).map(str::to_owned).collect())
    }

    /// Fetches a package and takes its compressed kernel out.
    fn image(&self, package: &str) -> Result<Vec<u8>, String> {
        let deb = self.place.join("deb");
        process::output(self.command("apt-get").args(["download", "-q", package]))?;
        let is_it =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(package));
        let fetched =
            std::fs::read_dir(&deb).map_err(|error| format!("cannot read {}: {error}", deb.display()))?;
        let archive = fetched.filter_map(|entry| Some(entry.ok()?.path())).find(is_it);
        let archive = archive.ok_or_else(|| format!("apt fetched no {package}"))?;
        let line = "dpkg-deb --fsys-tarfile \"$1\" | tar -xO --wildcards '*/vmlinuz*'";
        let ended = Command::new("sh").args(["-c", line, "sh"]).arg(&archive).output();
        let image = ended.map_err(|error| format!("cannot unpack {}: {error}", archive.display()))?.stdout;
        // The package is several times larger than the kernel in it.
        let _ = std::fs::remove_file(&archive);
        if image.is_empty() { Err(format!("{package} holds no vmlinuz")) } else { Ok(image) }
    }
}

/// The archive and the security archive that apt is configured with.
fn mirror() -> Result<(String, String), String> {
    let listed = process::output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(LABEL)|$(REPO_URI)",
        "Created-By: Packages",
    ]))?;
    let site = |label: &str| {
        let found = listed.lines().filter_map(|line| line.split_once('|')).find(|(name, _)| *name == label);
        found.map(|(_, site)| site.to_owned()).ok_or_else(|| {
            format!("apt has no archive labelled `{label}`; run `apt-get update` on a Debian system with both archives")
        })
    };
    Ok((site("Debian")?, site("Debian-Security")?))
}

/// The newest package of a series.
fn newest(packages: &[String], series: &Series) -> Result<String, String> {
    let version = |package: &String| -> Option<(Vec<u64>, String)> {
        let rest = package.strip_prefix("linux-binary-").or_else(|| package.strip_prefix("linux-image-"))?;
        let rest = rest.trim_end_matches("-cloud-amd64");
        // Built for an older release than its own, or before it was signed: the same kernel again.
        if ["deb11", "bpo", "unsigned"].iter().any(|other| rest.contains(other)) {
            return None;
        }
        let numbers: Vec<u64> = rest
            .split(|letter: char| !letter.is_ascii_digit())
            .filter_map(|digits| digits.parse().ok())
            .collect();
        // `linux-image-6.1-...` only depends on the newest; from 6.19 on the image is in `linux-binary-*`.
        let real = package.starts_with("linux-binary-") || numbers.len() > 2;
        real.then(|| (numbers, package.clone()))
    };
    let split = packages.iter().any(|package| package.starts_with("linux-binary-"));
    let mut found: Vec<(Vec<u64>, String)> = packages.iter().filter_map(version).collect();
    found.sort();
    let wanted: Vec<u64> = series.name.split('.').filter_map(|digits| digits.parse().ok()).collect();
    let of_series = found.iter().filter(|(numbers, _)| numbers.starts_with(&wanted));
    let newer = found.iter().filter(|(numbers, _)| series.or_newer && *numbers >= wanted);
    let last = |found: Vec<&(Vec<u64>, String)>| {
        let binary = found.iter().rev().find(|(_, package)| package.starts_with("linux-binary-"));
        if split { binary.or(found.last()) } else { found.last() }.map(|(_, package)| package.clone())
    };
    last(of_series.collect())
        .or_else(|| last(newer.collect()))
        .ok_or_else(|| format!("no package of series {} in {}", series.name, series.suites.join(", ")))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(series: &str, packages: &[&str]) -> Result<String, String> {
        let packages: Vec<String> = packages.iter().map(|name| format!("linux-{name}-cloud-amd64")).collect();
        newest(&packages, SERIES.iter().find(|one| one.name == series).unwrap())
    }

    #[test]
    fn the_newest_package_is_found_by_number() {
        let found =
            of("5.10", &["image-5.10.0-9", "image-5.10.0-46", "image-5.10.0-43", "image-6.1.0-0.deb11.52"]);
        assert_eq!(found.unwrap(), "linux-image-5.10.0-46-cloud-amd64");
    }

    #[test]
    fn a_package_that_only_depends_is_not_taken() {
        assert_eq!(of("6.1", &["image-6.1", "image-6.1.0-47"]).unwrap(), "linux-image-6.1.0-47-cloud-amd64");
        assert!(of("6.1", &["image-6.1"]).is_err());
        let found = of("7.3", &["image-7.3", "binary-7.3", "binary-unsigned-7.3", "binary-7.2.13+deb14"]);
        assert_eq!(found.unwrap(), "linux-binary-7.3-cloud-amd64");
    }

    #[test]
    fn a_series_that_has_gone_is_followed_by_a_newer_one_where_that_will_do() {
        assert_eq!(of("7.3", &["binary-7.4.2", "image-7.4.2"]).unwrap(), "linux-binary-7.4.2-cloud-amd64");
        assert!(of("7.3", &["binary-7.2.13"]).is_err());
        assert!(of("5.10", &["image-6.1.0-47"]).is_err());
    }
}
