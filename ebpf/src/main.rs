//! Kernel side of tierzero: reports what the kernel does. It decides nothing, changes nothing, logs nothing.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod actor;
mod context;
mod descriptor;
mod emit;
mod hooks;
mod offsets;
mod packet;
mod read;
mod syscall;
mod tables;
mod user;

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Some helpers are for GPL-compatible programs only (`bpf_prog_load`, kernel/bpf/syscall.c).
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
