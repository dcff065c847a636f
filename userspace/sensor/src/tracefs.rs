//! Tracepoints are attached to by the numbers that tracefs gives them (`events/*/*/id`). Where nobody mounted it, as in
//! most containers and small systems, it is mounted for the moment of attaching, where nobody else sees it.

use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Where tracefs is looked for, the first of which the kernel makes (Documentation/trace/ftrace.rst).
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Runs `attach` where tracefs can be read: here, if it is mounted; else on a thread that has a mount namespace of its
/// own, which ends with it. Where that is not allowed (it takes `CAP_SYS_ADMIN`), `attach` runs all the same, and meets
/// what is missing.
pub(crate) fn within<T: Send>(attach: impl FnOnce() -> T + Send) -> T {
    if is_mounted() {
        return attach();
    }
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if let Err(error) = mount_alone() {
                tracing::debug!(%error, "tracefs is not mounted, and could not be");
            }
            attach()
        });
        match thread.join() {
            Ok(attached) => attached,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn is_mounted() -> bool {
    PLACES.iter().any(|place| std::fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some()))
}

/// Mounts it for this thread only, which must end soon.
fn mount_alone() -> nix::Result<()> {
    const NONE: Option<&Path> = None;
    // Threads share where they are in the file tree, and what shares that may not change its mounts (unshare(2)).
    unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS)?;
    // Without this the mount would appear where this one was copied from (mount_namespaces(7)).
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tracefs"), PLACES[0], Some("tracefs"), flags, NONE)
}

#[cfg(test)]
mod tests {
    use nix::mount::{MntFlags, umount2};

    use super::*;

    fn numbered() -> bool {
        Path::new(PLACES[0]).join("events/syscalls/sys_enter_connect/id").exists()
    }

    #[test]
    fn where_nobody_mounted_it_it_is_there_for_the_moment_only() {
        if !Path::new(PLACES[0]).exists() {
            return println!("skipped: a kernel without tracing");
        }
        // On a thread that may take it away for itself.
        let (before, during, after) = std::thread::spawn(|| {
            const NONE: Option<&Path> = None;
            if let Err(error) = unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS) {
                println!("skipped: no mount namespace of its own: {error}");
                return (false, true, false);
            }
            mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).unwrap();
            for place in PLACES {
                while umount2(place, MntFlags::MNT_DETACH).is_ok() {}
            }
            (numbered(), within(numbered), numbered())
        })
        .join()
        .unwrap();
        assert!(!before && during && !after, "{before} {during} {after}");
    }

    #[test]
    fn what_is_attached_comes_back() {
        assert_eq!(within(|| 7), 7);
    }
}
