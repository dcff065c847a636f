//! A caller that is redirected on its way: one edge to the listener that was reached, not two to where it was sent.

use crate::lab::programs::{NFT, REDIS, REDIS_CLIENT, Redis, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "nat",
    truth: include_str!("nat/truth.json"),
    needs: &[NFT, REDIS, REDIS_CLIENT],
    steps,
    also: None,
};

/// In the caller's own namespace, as a node-local proxy or a service address would be made.
const REDIRECT: &str = "table ip nat {
    chain output {
        type nat hook output priority -100;
        tcp dport 7777 redirect to :6379
    }
}
";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let value = lab.secret("MARKNA")?;
    let rules = lab.write("redirect.nft", REDIRECT, 0o644)?;
    lab.run("app", None, &["nft", "-f", &rules], &[], "")?.well("the redirect")?;
    lab.observe()?;
    let redis = Redis { name: "redis", address: "127.0.0.1", port: 6379, password: None, value: &value };
    let server = redis.start(lab, "app")?;
    for _ in 0..3 {
        let call = ["redis-cli", "-h", "127.0.0.1", "-p", "7777", "GET", "k"];
        let answer = lab.run("app", None, &call, &[], "")?.well("the call")?;
        oracle("the call to port 7777 is served from port 6379", answer.stdout.contains(&value))?;
    }
    // Whatever else happens on the host must not have the calls placed before their translation is known.
    let others = "for number in $(seq 200); do /bin/true; sleep 0.005; done";
    lab.run("ops", None, &["bash", "-c", others], &[], "")?.well("others")?;
    quiet(&server, 6379)?;
    lab.end()?;
    let accepted = lab.logged("redis")?.matches("Accepted 127.0.0.1:").count();
    oracle(&format!("redis took 3 connections, not {accepted}"), accepted == 3)
}
