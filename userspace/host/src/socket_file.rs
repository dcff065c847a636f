//! Owner and mode of a Unix socket's file, read where its owner sees it.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use tierzero_core::event::SocketFile;

/// Reads the file at `path` as process `pid` would find it: through its root directory, so that a path inside a
/// container is that container's. Abstract and relative names have no file that could be found later.
pub(crate) fn read(pid: u32, path: &str) -> Option<SocketFile> {
    if !path.starts_with('/') {
        return None;
    }
    // The root link is followed by the kernel itself; a path inside it that leads out through `..` stays inside.
    let file = fs::metadata(format!("/proc/{pid}/root{path}")).ok()?;
    file.file_type().is_socket().then(|| SocketFile {
        mode: file.mode() & 0o777,
        uid: file.uid(),
        gid: file.gid(),
    })
}
