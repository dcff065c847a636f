//! Where the database and the configuration are when nobody says.

use std::path::{Path, PathBuf};

/// Where the database of root is.
pub(crate) const ROOT_DB: &str = "/var/lib/tierzero/tierzero.db";
/// Where the configuration is.
pub(crate) const CONFIG: &str = "/etc/tierzero/tierzero.toml";

/// Where the graph is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Db {
    /// In a file.
    File(PathBuf),
    /// Nowhere: gone when the program ends.
    Memory,
}

impl Db {
    /// As typed after `--db`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("a file name, or :memory: to keep nothing".to_owned()),
            ":memory:" => Ok(Self::Memory),
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }

    /// What was typed, else the default of this user.
    pub(crate) fn or_default(typed: Option<&Self>) -> Self {
        typed.cloned().unwrap_or_else(|| {
            Self::File(default_file(is_root(), |name| std::env::var_os(name).map(PathBuf::from)))
        })
    }

    /// For messages.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Memory => ":memory: (nothing is kept)".to_owned(),
        }
    }

    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory => None,
        }
    }
}

/// True when this process may do everything.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// `$XDG_STATE_HOME/tierzero/tierzero.db` (XDG Base Directory 0.8: a relative path there is to be ignored).
fn default_file(root: bool, environment: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    if root {
        return PathBuf::from(ROOT_DB);
    }
    let absolute = |name: &str| environment(name).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    match state {
        Some(state) => state.join("tierzero/tierzero.db"),
        None => PathBuf::from("tierzero.db"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_follow_the_contract() {
        let none = |_: &str| None;
        assert_eq!(default_file(true, none), Path::new(ROOT_DB));
        assert_eq!(default_file(false, none), Path::new("tierzero.db"));
        let home = |name: &str| (name == "HOME").then(|| PathBuf::from("/home/a"));
        assert_eq!(default_file(false, home), Path::new("/home/a/.local/state/tierzero/tierzero.db"));
        let xdg = |name: &str| Some(PathBuf::from(if name == "HOME" { "/home/a" } else { "/s" }));
        assert_eq!(default_file(false, xdg), Path::new("/s/tierzero/tierzero.db"));
    }

    #[test]
    fn memory_keeps_nothing() {
        assert_eq!(Db::parse(":memory:"), Ok(Db::Memory));
        assert!(Db::parse("").is_err());
    }
}
