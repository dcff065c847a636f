//! D09: decorative credentials. A broker that serves anybody takes a password and never looks at it.

use rustix::process::Signal;

use crate::lab::programs::{MOSQUITTO, MOSQUITTO_PUB, listens, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d09",
    truth: include_str!("d09/truth.json"),
    needs: &[MOSQUITTO, MOSQUITTO_PUB],
    steps,
    also: None,
};

fn steps(lab: &mut Lab) -> Result<(), String> {
    let password = lab.secret("MARK9")?;
    let file = lab.write(
        "mosquitto.conf",
        "listener 1883 10.77.20.2\nallow_anonymous true\npersistence false\nlog_dest stderr\nlog_type all\n",
        0o644,
    )?;
    lab.observe()?;
    let words = ["/usr/sbin/mosquitto", "-c", &file];
    let mut server = lab.daemon("mosquitto", "leg", Some("nobody"), &words, Signal::TERM)?;
    listens(&mut server, lab, "mosquitto", 1883)?;
    let publish = |lab: &Lab, role: &str, credentials: &[&str]| {
        let mut words = vec!["/usr/bin/mosquitto_pub", "-h", "10.77.20.2", "-t", "lab", "-m", "1", "-q", "1"];
        words.extend(credentials);
        lab.run(role, Some("nobody"), &words, &[], "")?.well("mosquitto_pub")
    };
    publish(lab, "app", &["-u", "s", "-P", &password])?;
    quiet(&server, 1883)?;
    // One caller with a password, nobody without: nothing shows yet that the broker looks at it, or that it does not.
    lab.until_said("the first edge to be unproven", |line| {
        line["type"] == "edge" && line["protocol"] == "mqtt" && line["verdict"] == "unproven"
    })?;
    publish(lab, "ops", &[])?;
    quiet(&server, 1883)?;
    lab.end()?;
    oracle("two clients were let in", lab.logged("mosquitto")?.matches("New client connected").count() == 2)?;
    publish(lab, "app", &["-u", "s", "-P", "wrong"])?;
    Ok(())
}
