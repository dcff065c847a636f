//! Small recorded logs, written out: two Redis servers, one open and one with a password, a refused port.

use std::fmt::Write as _;

use serde_json::{Value, json};

const NETNS: u32 = 4_026_531_840;

/// A log under construction. Each event is 10 ms after the one before.
struct Log {
    text: String,
    events: u32,
}

impl Log {
    /// Host, start, network namespace, and two servers that were there before.
    fn new() -> Self {
        let text = r#"{"schema":"tierzero/events/1","tool":"0.1.0","started":"2026-11-23T13:00:00Z"}"#
            .to_owned()
            + "\n";
        let mut log = Self { text, events: 0 };
        log.event(json!({"event": "host", "id": "h-0123456789abcdef", "name": "lab", "kernel": "6.1.0-test",
            "boot_id": "00000000-0000-4000-8000-000000000001"}));
        log.event(json!({"event": "started"}));
        log.event(
            json!({"event": "netns_seen", "netns": NETNS, "name": "host", "addresses": ["127.0.0.1", "::1"]}),
        );
        log
    }

    fn event(&mut self, mut event: Value) {
        let milliseconds = self.events * 10;
        event["at"] =
            json!(format!("2026-11-23T13:00:{:02}.{:03}Z", milliseconds / 1000, milliseconds % 1000));
        let _ = writeln!(self.text, "{event}");
        self.events += 1;
    }

    fn process(&mut self, how: &str, pid: u32, exe: &str, argv: &[&str]) {
        let comm = exe.rsplit('/').next().unwrap_or(exe);
        self.event(
            json!({"event": how, "process": {"key": key(pid), "parent": key(1), "exe": exe, "argv": argv,
            "comm": comm, "uid": 1000, "gid": 1000, "cgroup": 7, "place": {"path": "/", "unit": null,
            "container": null, "pod": null}, "netns": NETNS}}),
        );
    }

    fn server(&mut self, pid: u32, exe: &str, port: u16) {
        self.process("process_seen", pid, exe, &[exe]);
        self.event(json!({"event": "listening", "socket": {"tcp": {"cookie": port}}, "address": {"transport": "tcp",
            "address": format!("127.0.0.1:{port}")}, "netns": NETNS, "processes": [key(pid)], "joined_late": true}));
    }

    /// A call from its exec to its end.
    fn call(&mut self, caller: (u32, &str), server: u32, port: u16, observations: Value) {
        let (pid, exe) = caller;
        self.process("executed", pid, exe, &[exe, "-p", &port.to_string()]);
        let (near, far) = (u64::from(pid) * 10, u64::from(pid) * 10 + 1);
        let here = format!("127.0.0.1:{}", 40_000 + pid);
        let there = format!("127.0.0.1:{port}");
        let of_caller = json!({"local": here, "remote": there, "netns": NETNS});
        let of_server = json!({"local": there, "remote": here, "netns": NETNS});
        self.event(json!({"event": "connecting", "end": tcp(near), "ends": of_caller, "process": key(pid)}));
        self.event(
            json!({"event": "established", "end": tcp(near), "role": "originator", "ends": of_caller}),
        );
        self.event(json!({"event": "established", "end": tcp(far), "role": "responder", "ends": of_server}));
        self.event(json!({"event": "accepted", "end": tcp(far), "process": key(server), "ends": of_server}));
        self.event(json!({"event": "observed", "end": tcp(far), "observations": observations}));
        self.event(json!({"event": "released", "end": tcp(near), "process": key(pid), "bytes_sent": 120,
            "bytes_received": 48}));
        self.event(json!({"event": "released", "end": tcp(far), "process": key(server), "bytes_sent": 48,
            "bytes_received": 120}));
        self.event(json!({"event": "exited", "process": key(pid)}));
    }

    fn end(mut self) -> String {
        self.event(json!({"event": "stopped"}));
        self.text
    }
}

fn key(pid: u32) -> Value {
    json!({"pid": pid, "start_ticks": 1000 + pid})
}

fn tcp(cookie: u64) -> Value {
    json!({"tcp": {"cookie": cookie}})
}

fn served_without_proof() -> Value {
    json!([{"rule": "stream.protocol", "shown": "speaks", "protocol": "redis"},
        {"rule": "redis.command-served", "shown": "serves", "operation": "service"}])
}

/// Two calls of an open Redis, one refused and one accepted call of a Redis with a password.
pub(crate) fn small() -> String {
    let mut log = Log::new();
    log.server(100, "/usr/bin/redis-server", 6379);
    log.server(101, "/usr/bin/redis-server", 6380);
    log.call((201, "/usr/bin/redis-cli"), 100, 6379, served_without_proof());
    log.call((202, "/usr/bin/redis-cli"), 100, 6379, served_without_proof());
    log.call(
        (203, "/usr/bin/redis-cli"),
        101,
        6380,
        json!([{"rule": "stream.protocol", "shown": "speaks", "protocol": "redis"},
            {"rule": "redis.authentication-required", "shown": "demands", "proof": "secret"},
            {"rule": "redis.authentication-required", "shown": "refuses", "why": "proof_missing"}]),
    );
    log.call(
        (204, "/usr/bin/redis-cli"),
        101,
        6380,
        json!([{"rule": "stream.protocol", "shown": "speaks", "protocol": "redis"},
            {"rule": "redis.password-sent", "shown": "offers", "proof": "secret", "scope": "connection",
                "principal": null, "credential": {"kind": "password", "fingerprint": "e50f39783dd8bd41",
                "lifetime_s": null, "cleartext": true}},
            {"rule": "redis.password-accepted", "shown": "accepts"},
            {"rule": "redis.command-served", "shown": "serves", "operation": "service"}]),
    );
    log.end()
}

/// A declared agent that calls an open Redis itself, and one that was never seen to call.
pub(crate) fn agents() -> String {
    let mut log = Log::new();
    log.server(100, "/usr/bin/redis-server", 6379);
    for (pid, name) in [(301, "helpdesk-agent"), (302, "quiet-agent")] {
        log.process("executed", pid, &format!("/opt/{name}"), &[name]);
        log.event(json!({"event": "agent_sign", "process": key(pid),
            "sign": {"sign": "declared", "name": name, "by": ["exe"]}}));
    }
    log.call((301, "/opt/helpdesk-agent"), 100, 6379, served_without_proof());
    log.call((201, "/usr/bin/redis-cli"), 100, 6379, served_without_proof());
    log.end()
}

/// As [`small`], with a line in the middle that is no event.
pub(crate) fn damaged() -> String {
    let mut lines: Vec<String> = small().lines().map(str::to_owned).collect();
    let middle = lines.len() / 2;
    lines.insert(middle, r#"{"at":"2026-11-23T13:00:00Z","event":"#.to_owned());
    lines.join("\n") + "\n"
}

/// A caller and a receiver whose names try to repaint the terminal and to reorder the text around them.
pub(crate) fn evil() -> String {
    let mut log = Log::new();
    log.server(100, "/srv/\u{202e}gpj.exe\u{1b}]0;title\u{7}", 6379);
    log.call((201, "/tmp/\u{1b}[2J\u{1b}[31mcron\nlocation-trusted"), 100, 6379, served_without_proof());
    log.end()
}
