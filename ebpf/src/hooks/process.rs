//! Processes begin, replace their program, end.

use core::ptr;

use aya_ebpf::helpers::generated::{
    bpf_get_current_cgroup_id, bpf_get_current_task, bpf_probe_read_kernel, bpf_probe_read_kernel_str,
    bpf_probe_read_user,
};
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use tierzero_maps::offset::ABSENT;
use tierzero_maps::record::{ARGV_BYTES, Actor, COMM_BYTES, Exec, Exit, Fork, PROGRAM_BYTES, Process};
use tierzero_maps::{kind, place};

use crate::offsets::{
    BPRM_FILE, BPRM_FILENAME, BPRM_INTERP, FILE_INODE, INODE_NUMBER, INODE_SUPER_BLOCK, MM_ARG_END,
    MM_ARG_START, SIGNAL_LIVE, SUPER_BLOCK_DEVICE, TASK_COMM, TASK_MM, TASK_PARENT, TASK_SIGNAL,
};
use crate::read::member;
use crate::{actor, emit};

#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub fn process_fork(context: RawTracePointContext) -> i32 {
    let child: u64 = context.arg(1);
    let (tgid, tid) = actor::numbers(child);
    let memory: u64 = member(child, &TASK_MM);
    if tgid != tid || memory == 0 {
        return 0; // A thread, or a thread of the kernel.
    }
    emit::control::<Fork>(place::PROCESS, |slot| {
        // SAFETY: `slot` is a reservation of this record's size; every field is written.
        unsafe {
            (&raw mut (*slot).header).write(emit::header(kind::FORK));
            describe(child, &raw mut (*slot).process);
        }
    });
    0
}

#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn process_exec(context: RawTracePointContext) -> i32 {
    let program: u64 = context.arg(2);
    // SAFETY: takes nothing and returns the address of the running task.
    let task = unsafe { bpf_get_current_task() };
    emit::control::<Exec>(place::PROCESS, |slot| {
        // SAFETY: `slot` is a reservation of this record's size; every field is written, the texts as far as their
        // lengths say (the rest of a ring buffer is memory that was ours before).
        unsafe {
            (&raw mut (*slot).header).write(emit::header(kind::EXEC));
            describe(task, &raw mut (*slot).process);
            let mut flags = 0;

            let file: u64 = member(program, &BPRM_FILE);
            let inode: u64 = member(file, &FILE_INODE);
            let super_block: u64 = member(inode, &INODE_SUPER_BLOCK);
            (&raw mut (*slot).program_device).write(member(super_block, &SUPER_BLOCK_DEVICE));
            (&raw mut (*slot).program_inode).write(member(inode, &INODE_NUMBER));

            let interpreter: u64 = member(program, &BPRM_INTERP);
            let name = if interpreter != 0 { interpreter } else { member(program, &BPRM_FILENAME) };
            let length = bpf_probe_read_kernel_str(
                (&raw mut (*slot).program).cast(),
                PROGRAM_BYTES as u32,
                name as *const _,
            );
            let length = if length > 0 { length as u32 } else { 0 };
            if length as usize == PROGRAM_BYTES {
                flags |= kind::PROGRAM_CUT;
            }
            (&raw mut (*slot).program_bytes).write(length);

            let memory: u64 = member(task, &TASK_MM);
            let start: u64 = member(memory, &MM_ARG_START);
            let end: u64 = member(memory, &MM_ARG_END);
            let all = end.wrapping_sub(start);
            let mut kept = if all > ARGV_BYTES as u64 { ARGV_BYTES as u32 } else { all as u32 };
            if all > ARGV_BYTES as u64 {
                flags |= kind::ARGV_CUT;
            }
            if start == 0
                || kept == 0
                || kept > ARGV_BYTES as u32
                || bpf_probe_read_user((&raw mut (*slot).argv).cast(), kept, start as *const _) != 0
            {
                kept = 0;
            }
            (&raw mut (*slot).argv_bytes).write(kept);
            (&raw mut (*slot).flags).write(flags);
        }
    });
    0
}

#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit(context: RawTracePointContext) -> i32 {
    let task: u64 = context.arg(0);
    let memory_of_leader = actor::numbers(task);
    // `signal->live` was decremented before the tracepoint: 0 is the last thread (do_exit, kernel/exit.c).
    if SIGNAL_LIVE.load() != ABSENT {
        let signal: u64 = member(task, &TASK_SIGNAL);
        let live: u32 = member(signal, &SIGNAL_LIVE);
        if live != 0 {
            return 0;
        }
    } else if memory_of_leader.0 != memory_of_leader.1 {
        return 0;
    }
    let actor: Actor = actor::of(task);
    emit::control::<Exit>(place::PROCESS, |slot| {
        // SAFETY: `slot` is a reservation of this record's size.
        unsafe { slot.write(Exit { header: emit::header(kind::EXIT), actor }) };
    });
    0
}

/// Writes the facts about a task's process.
///
/// # Safety
///
/// `slot` must be writable for a [`Process`].
#[inline(always)]
unsafe fn describe(task: u64, slot: *mut Process) {
    let parent: u64 = member(task, &TASK_PARENT);
    let parent = actor::of(parent);
    let (uid, gid) = actor::owner(task);
    // SAFETY: as promised by the caller.
    unsafe {
        (&raw mut (*slot).actor).write(actor::of(task));
        // At fork the running task is the parent, whose cgroup the child inherits.
        (&raw mut (*slot).cgroup).write(bpf_get_current_cgroup_id());
        (&raw mut (*slot).parent_start).write(parent.start);
        (&raw mut (*slot).parent_tgid).write(parent.tgid);
        (&raw mut (*slot).uid).write(uid);
        (&raw mut (*slot).gid).write(gid);
        (&raw mut (*slot).netns).write(actor::netns(task));
        let comm = &raw mut (*slot).comm;
        ptr::write(comm, [0; COMM_BYTES]);
        let offset = TASK_COMM.load();
        if offset != ABSENT {
            bpf_probe_read_kernel(comm.cast(), COMM_BYTES as u32, (task + u64::from(offset)) as *const _);
        }
    }
}
