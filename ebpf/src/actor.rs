//! Who is running.

use aya_ebpf::helpers::generated::bpf_get_current_task;
use tierzero_maps::record::Actor;

use crate::offsets::{
    CRED_UID, NET_INUM, NSPROXY_NET, TASK_CRED, TASK_LEADER, TASK_NSPROXY, TASK_PID, TASK_START, TASK_TGID,
};
use crate::read::member;

/// No process context.
pub const NOBODY: Actor = Actor { tgid: 0, tid: 0, start: 0 };

/// The running process. Only for hooks that run in the context of the process that caused them.
#[inline(always)]
pub fn current() -> Actor {
    // SAFETY: takes nothing and returns the address of the running task.
    of(unsafe { bpf_get_current_task() })
}

/// The process that a task belongs to.
#[inline(always)]
pub fn of(task: u64) -> Actor {
    let (tgid, tid) = numbers(task);
    let leader = if tgid == tid { task } else { member(task, &TASK_LEADER) };
    Actor { tgid, tid, start: member(leader, &TASK_START) }
}

/// (tgid, pid) of a task. They are neighbours in every kernel so far; one read then gets both.
#[inline(always)]
pub fn numbers(task: u64) -> (u32, u32) {
    if TASK_TGID.load() == TASK_PID.load() + 4 {
        let (tid, tgid): (u32, u32) = member(task, &TASK_PID);
        return (tgid, tid);
    }
    (member(task, &TASK_TGID), member(task, &TASK_PID))
}

/// Network namespace of a task, 0 when it has left it already.
#[inline(always)]
pub fn netns(task: u64) -> u32 {
    let nsproxy: u64 = member(task, &TASK_NSPROXY);
    let net: u64 = member(nsproxy, &NSPROXY_NET);
    member(net, &NET_INUM)
}

/// (uid, gid) of a task: `kuid_t uid; kgid_t gid;` are neighbours in `struct cred`.
#[inline(always)]
pub fn owner(task: u64) -> (u32, u32) {
    let cred: u64 = member(task, &TASK_CRED);
    member(cred, &CRED_UID)
}
