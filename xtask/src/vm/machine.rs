//! One virtual machine at a time, emulated, without network, and never for longer than it may.

use std::path::Path;
use std::process::{Command, Stdio};

/// A boot and its tests take a third of this on two slow cores.
const LIMIT_S: u32 = 90;

/// Boots until the guest turns the machine off, and returns what it wrote to its second serial port.
pub(super) fn boot(vmlinux: &Path, initrd: &Path, place: &Path) -> Result<String, String> {
    let console = place.join("console.txt");
    let out = place.join("out.tsv");
    let _ = std::fs::remove_file(&out);
    let mut command = Command::new("timeout");
    command.args(["--foreground", "--kill-after=5", &LIMIT_S.to_string(), "qemu-system-x86_64"]);
    // `-M microvm` hangs now and then without hardware support; `pc` does not.
    command
        .args("-accel tcg,thread=multi -M pc -cpu max -m 512 -smp 1 -nodefaults -no-user-config".split(' '));
    command.args("-display none -no-reboot -net none".split(' '));
    command.arg("-serial").arg(format!("file:{}", console.display()));
    command.arg("-serial").arg(format!("file:{}", out.display()));
    command.arg("-kernel").arg(vmlinux).arg("-initrd").arg(initrd);
    command.args([
        "-append",
        "console=ttyS0 quiet panic=-1 oops=panic nokaslr mitigations=off lsm=lockdown,yama,bpf",
    ]);
    let ended =
        command.stdin(Stdio::null()).output().map_err(|error| format!("cannot start qemu: {error}"))?;
    let lines = std::fs::read_to_string(&out).unwrap_or_default().replace('\r', "");
    if ended.status.success() && lines.lines().any(|line| line == "end") {
        return Ok(lines);
    }
    let said = std::fs::read(&console).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = last.get(last.len().saturating_sub(12)..).unwrap_or_default().join("\n    ");
    let why = match ended.status.code() {
        Some(0) => "the guest did not come to its end".to_owned(),
        Some(124) => format!("no end within {LIMIT_S} s"),
        _ => format!("{}: {}", ended.status, String::from_utf8_lossy(&ended.stderr).trim()),
    };
    Err(format!("{why}; the console's last words:\n    {last}"))
}
