//! Where the cgroup2 tree is mounted.

use std::fs;
use std::path::PathBuf;

/// The mount point of the first cgroup2 file system, `None` where there is none. On hosts with cgroup v1 beside it,
/// it stands at `/sys/fs/cgroup/unified`.
pub(crate) fn mount_point() -> Option<PathBuf> {
    find(&fs::read_to_string("/proc/self/mountinfo").ok()?)
}

/// Finds it in the text of proc_pid_mountinfo(5): the fields after ` - ` begin with the file system's type. Of several
/// mounts one that shows the root of the tree (field 4 is `/`) is taken first.
fn find(mountinfo: &str) -> Option<PathBuf> {
    let mut other = None;
    for line in mountinfo.lines() {
        let Some((place, kind)) = line.split_once(" - ") else { continue };
        if kind.split(' ').next() != Some("cgroup2") {
            continue;
        }
        let mut fields = place.split(' ').skip(3);
        let (Some(root), Some(point)) = (fields.next(), fields.next()) else { continue };
        let point = PathBuf::from(point.replace("\\040", " "));
        if root == "/" {
            return Some(point);
        }
        other.get_or_insert(point);
    }
    other
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn the_root_is_preferred() {
        let text = "29 23 0:26 /kubepods/x /mnt/a\\040b ro - cgroup2 cgroup2 rw\n\
                    30 23 0:26 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n\
                    31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        assert_eq!(find(text).unwrap().to_str(), Some("/sys/fs/cgroup/unified"));
        assert_eq!(find(text.lines().next().unwrap()).unwrap().to_str(), Some("/mnt/a b"));
        assert!(find("").is_none());
    }
}
