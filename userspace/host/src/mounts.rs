//! Where cgroup2 is mounted, and which id a cgroup has.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use crate::process::inode;

/// The cgroup2 hierarchy of this host.
#[derive(Debug)]
pub(crate) struct Cgroup2 {
    root: PathBuf,
    /// Ids by path, so that a hundred processes of one cgroup cost one stat(2).
    ids: RefCell<HashMap<String, u64>>,
}

impl Cgroup2 {
    /// Finds it in the mount table; `None` where it is not mounted.
    pub(crate) fn find() -> Option<Self> {
        let text = fs::read("/proc/self/mountinfo").ok()?;
        let root = parse(&String::from_utf8_lossy(&text))?;
        Some(Self { root, ids: RefCell::default() })
    }

    /// The id of a cgroup: the inode of its directory (`cgroup_id`, linux/cgroup.h). `None` once it is gone.
    pub(crate) fn id(&self, path: &str) -> Option<u64> {
        if let Some(&id) = self.ids.borrow().get(path) {
            return Some(id);
        }
        let id = inode(self.root.join(path.trim_start_matches('/')).to_str()?)?;
        self.ids.borrow_mut().insert(path.to_owned(), id);
        Some(id)
    }

    /// Forgets what was cached: ids of ended cgroups are given out again.
    pub(crate) fn forget(&self) {
        self.ids.borrow_mut().clear();
    }
}

/// The mount point of the first cgroup2 mount of the whole tree (proc_pid_mountinfo(5)).
fn parse(text: &str) -> Option<PathBuf> {
    text.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        (kind.split(' ').next() == Some("cgroup2") && root == "/").then(|| PathBuf::from(unescape(point)))
    })
}

/// Undoes the octal escapes of blanks, tabs, line ends and backslashes (`mangle_path`, fs/seq_file.c).
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        match after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_mount() {
        let hybrid = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
                      40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
        assert_eq!(parse(hybrid), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(parse("41 31 0:38 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"), None);
        assert_eq!(parse("41 31 0:38 / /a\\040b\\134c rw - cgroup2 cgroup2 rw\n"), Some("/a b\\c".into()));
        assert_eq!(parse("41 31 - cgroup2\n\n- cgroup2\nx"), None);
    }
}
