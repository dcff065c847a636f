//! From a descriptor of the running process to its socket.

use aya_ebpf::helpers::generated::bpf_get_current_task;

use crate::offsets::{FDTABLE_FD, FDTABLE_MAX, FILE_PRIVATE, FILES_FDT, SOCKET_FILE, SOCKET_SK, TASK_FILES};
use crate::read::{at, member};

/// The kernel's address of the socket behind a descriptor; 0 where it is none.
#[inline(always)]
pub fn socket(fd: u32) -> u64 {
    // SAFETY: takes nothing and returns the address of the running task.
    let task = unsafe { bpf_get_current_task() };
    let files: u64 = member(task, &TASK_FILES);
    let table: u64 = member(files, &FILES_FDT);
    let most: u32 = member(table, &FDTABLE_MAX);
    let array: u64 = member(table, &FDTABLE_FD);
    if array == 0 || fd >= most {
        return 0;
    }
    let file: u64 = at(array + 8 * u64::from(fd));
    let socket: u64 = member(file, &FILE_PRIVATE);
    // Only a socket points back to its file there.
    let back: u64 = member(socket, &SOCKET_FILE);
    if file == 0 || back != file {
        return 0;
    }
    member(socket, &SOCKET_SK)
}
