//! A plain Redis on loopback and a script that calls it; then one that asks for a password.

use crate::lab::programs::{REDIS, REDIS_CLIENT, Redis, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "show-redis",
    truth: include_str!("show_redis/truth.json"),
    needs: &[REDIS, REDIS_CLIENT],
    steps,
    also: None,
};

fn steps(lab: &mut Lab) -> Result<(), String> {
    let (password, value) = (lab.secret("MARKSA")?, lab.secret("MARKSB")?);
    // The password stands in a command line, where `ps` shows it and the observer must not.
    let script = format!(
        "redis-cli -p 6379 GET k\nredis-cli -p 6380 GET k\nredis-cli -p 6380 --no-auth-warning -a {password} GET k\n"
    );
    let script = lab.write("call.sh", &script, 0o755)?;
    lab.observe()?;
    let plain = Redis { name: "plain", address: "127.0.0.1", port: 6379, password: None, value: &value };
    let asking =
        Redis { name: "asking", address: "127.0.0.1", port: 6380, password: Some(&password), value: &value };
    let plain_server = plain.start(lab, "app")?;
    let asking_server = asking.start(lab, "app")?;
    let answers = lab.run("app", None, &["/bin/sh", &script], &[], "")?.well("the script")?;
    oracle("two calls are served", answers.stdout.matches(&value).count() == 2)?;
    oracle("one call is refused", answers.stdout.matches("NOAUTH").count() == 1)?;
    quiet(&plain_server, 6379)?;
    quiet(&asking_server, 6380)?;
    lab.end()?;

    for (name, count) in [("plain", 1), ("asking", 2)] {
        let accepted = lab.logged(name)?.matches("Accepted 127.0.0.1:").count();
        oracle(&format!("{name} took {count} connections, not {accepted}"), accepted == count)?;
    }
    Ok(())
}
