//! What the machine boots into: busybox, a script, and the statically linked guest.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process;

/// Builds tests/vm/guest.rs so that it runs without a single library file.
pub(super) fn guest() -> Result<PathBuf, String> {
    let mut command = Command::new("cargo");
    command.args(["rustc", "--quiet", "--locked", "--package", "tierzero-tests", "--example", "vm-guest"]);
    // Flags of this crate alone: everything it depends on is what the other steps have built already.
    command.args(["--", "-C", "target-feature=+crt-static", "-C", "strip=symbols"]);
    process::run(command.current_dir(process::top()))?;
    Ok(process::target().join("debug/examples/vm-guest"))
}

/// Packs the guest into an initramfs below `place`.
pub(super) fn initramfs(guest: &Path, place: &Path) -> Result<PathBuf, String> {
    let root = place.join("root");
    let says =
        |error: std::io::Error| format!("cannot make the guest's files in {}: {error}", root.display());
    let _ = std::fs::remove_dir_all(&root);
    for directory in ["bin", "dev", "proc", "sys", "tmp", "run"] {
        std::fs::create_dir_all(root.join(directory)).map_err(says)?;
    }
    let busybox = ["/usr/bin/busybox", "/bin/busybox"].into_iter().map(Path::new).find(|path| path.exists());
    let busybox = busybox.ok_or("busybox is not installed (apt-get install busybox-static)")?;
    std::fs::copy(busybox, root.join("bin/busybox")).map_err(says)?;
    std::fs::copy(guest, root.join("bin/guest")).map_err(says)?;
    std::fs::copy(process::top().join("tests/vm/init.sh"), root.join("init")).map_err(says)?;
    process::run(Command::new("chmod").arg("755").arg(root.join("init")))?;
    let packed = Command::new("sh")
        .args(["-c", "find . | LC_ALL=C sort | cpio --quiet --create --format=newc --owner=0:0"])
        .current_dir(&root)
        .stdin(Stdio::null())
        .output()
        .map_err(says)?;
    if !packed.status.success() || packed.stdout.is_empty() {
        return Err(format!(
            "cpio failed (apt-get install cpio): {}",
            String::from_utf8_lossy(&packed.stderr).trim()
        ));
    }
    let initrd = place.join("initrd");
    std::fs::write(&initrd, packed.stdout).map_err(says)?;
    let _ = std::fs::remove_dir_all(&root);
    Ok(initrd)
}
