#!/bin/busybox sh
# The first process of a test machine: the file systems an eBPF program needs, then the guest, then off.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev 2>/dev/null
$b mount -t tmpfs tmp /tmp
$b mount -t bpf bpf /sys/fs/bpf
$b mount -t cgroup2 cgroup2 /sys/fs/cgroup
$b mount -t tracefs tracefs /sys/kernel/tracing
$b mount -t debugfs debugfs /sys/kernel/debug
$b mount -t securityfs securityfs /sys/kernel/security
$b ip link set lo up
# The terminal would change what is written.
$b stty -F /dev/ttyS1 raw 2>/dev/null
/bin/guest >/dev/ttyS1 2>/dev/ttyS0
$b sync
$b reboot -f
