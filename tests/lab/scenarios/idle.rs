//! Nothing happens in the lab: a server that nobody calls. Whatever is said then is the observer's own noise:
//! no finding about anything in the lab, about the host, or about the observer's own programs may be there.

use std::time::{Duration, Instant};

use crate::lab::programs::{REDIS, Redis};
use crate::lab::scenario::{Lab, Scenario, oracle};
use crate::lab::stop;

pub(super) const SCENARIO: Scenario =
    Scenario { name: "idle", truth: include_str!("idle/truth.json"), needs: &[REDIS], steps, also: None };

fn steps(lab: &mut Lab) -> Result<(), String> {
    let value = lab.secret("MARKID")?;
    lab.observe()?;
    let redis = Redis { name: "redis", address: "10.77.20.2", port: 6379, password: None, value: &value };
    let server = redis.start(lab, "leg")?;
    // The tool's other commands beside a running observer must not be seen as anybody's calls either.
    lab.ask_beside("edges")?;
    lab.ask_beside("doctor")?;
    lab.ask_beside("findings")?;
    // In parts, so that a signal ends it soon.
    let until = Instant::now() + lab.idle;
    while Instant::now() < until {
        stop::check()?;
        std::thread::sleep(Duration::from_millis(200));
    }
    lab.end()?;
    oracle("nobody called Redis", !lab.logged("redis")?.contains("Accepted"))?;
    drop(server);
    Ok(())
}
