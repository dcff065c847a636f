//! What the rules look at: every file of the repository, and every Rust file as tokens.

use std::path::Path;
use std::process::Command;

use super::tokens::{Token, tokens};

/// One file, by its path from the top of the repository.
pub(super) struct File {
    /// With `/` between the parts, whatever the system.
    pub(super) path: String,
    /// As it lies on disk.
    pub(super) bytes: Vec<u8>,
    /// The same as text; what is not UTF-8 is replaced.
    pub(super) text: String,
    /// Of a Rust file that parses; empty otherwise.
    pub(super) tokens: Vec<Token>,
    /// Why a Rust file does not parse.
    pub(super) broken: Option<String>,
}

impl File {
    /// Takes a file apart.
    pub(super) fn new(path: &str, bytes: Vec<u8>) -> Self {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (tokens, broken) = if Path::new(path).extension().is_some_and(|ending| ending == "rs") {
            match tokens(&text) {
                Ok(tokens) => (tokens, None),
                Err(says) => (Vec::new(), Some(says)),
            }
        } else {
            (Vec::new(), None)
        };
        Self { path: path.to_owned(), bytes, text, tokens, broken }
    }

    /// Rust source.
    pub(super) fn is_rust(&self) -> bool {
        self.ends_with(".rs")
    }

    /// A file that only tests are made of.
    pub(super) fn is_test(&self) -> bool {
        let stem = self.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || stem == "tests"
            || stem.ends_with("_tests")
    }

    /// A manifest of cargo.
    pub(super) fn is_manifest(&self) -> bool {
        self.path == "Cargo.toml" || self.ends_with("/Cargo.toml")
    }

    /// Whether the path ends so.
    pub(super) fn ends_with(&self, ending: &str) -> bool {
        self.path.ends_with(ending)
    }

    /// Lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.split('\n').enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Every file that is or could be committed.
pub(super) struct Tree {
    /// In the order of their paths.
    pub(super) files: Vec<File>,
}

impl Tree {
    /// Reads the repository at `top`: what git tracks, and what it would take in; a copy without git history is
    /// walked instead.
    pub(super) fn read(top: &Path) -> Result<Self, String> {
        let mut paths = tracked(top).unwrap_or_default();
        if paths.is_empty() {
            walk(top, top, &mut paths)?;
        }
        paths.sort();
        paths.dedup();
        let mut files = Vec::new();
        for path in paths {
            // A file that git still lists may be gone from disk.
            if let Ok(bytes) = std::fs::read(top.join(&path)) {
                files.push(File::new(&path, bytes));
            }
        }
        Ok(Self { files })
    }

    /// The Rust files.
    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// One file by its path.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// A tree of a few lines, for tests of rules.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| File::new(path, text.as_bytes().to_vec())).collect();
        Self { files }
    }
}

fn tracked(top: &Path) -> Option<Vec<String>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(top)
        .output()
        .ok()?;
    if !listed.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    Some(text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn walk(top: &Path, directory: &Path, into: &mut Vec<String>) -> Result<(), String> {
    let says = |error: std::io::Error| format!("cannot read {}: {error}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(says)? {
        let path = entry.map_err(says)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "target" || name == ".git" || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            walk(top, &path, into)?;
        } else if let Ok(relative) = path.strip_prefix(top) {
            into.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}
