//! D08: SSH with a key. The login is encrypted: nobody on the wire can say what was checked.

use rustix::process::Signal;

use crate::lab::programs::{SSH, SSHD, listens, quiet};
use crate::lab::scenario::{Lab, Scenario, make_directory, oracle};

pub(super) const SCENARIO: Scenario =
    Scenario { name: "d08", truth: include_str!("d08/truth.json"), needs: &[SSH, SSHD], steps, also: None };

fn steps(lab: &mut Lab) -> Result<(), String> {
    let place = lab.directory().display().to_string();
    let key = |name: &str| -> Result<String, String> {
        let file = format!("{place}/{name}");
        let words = ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", &file];
        lab.run("ops", None, &words, &[], "")?.well("ssh-keygen")?;
        Ok(file)
    };
    let (host, own) = (key("host_key")?, key("own_key")?);
    let public = std::fs::read_to_string(format!("{own}.pub")).map_err(|error| error.to_string())?;
    let known = lab.write("authorized_keys", &public, 0o644)?;
    let configuration = format!(
        "Port 2222\nListenAddress 10.77.50.2\nHostKey {host}\nPidFile none\nUsePAM no\nStrictModes no\n\
         PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         AuthorizedKeysFile {known}\nUseDNS no\nLogLevel VERBOSE\n"
    );
    let file = lab.write("sshd_config", &configuration, 0o600)?;
    // sshd(8) wants its empty directory even where it starts nobody without privileges.
    make_directory(std::path::Path::new("/run/sshd"), 0o755)?;
    lab.observe()?;
    let mut server =
        lab.daemon("sshd", "ops", None, &["/usr/sbin/sshd", "-D", "-e", "-f", &file], Signal::TERM)?;
    listens(&mut server, lab, "sshd", 2222)?;
    let login = |lab: &Lab, identity: &str| {
        let identity = format!("IdentityFile={identity}");
        let words = [
            "/usr/bin/ssh",
            "-F",
            "none",
            "-p",
            "2222",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "BatchMode=yes",
            "-o",
            &identity,
            "root@10.77.50.2",
            "echo",
            "served",
        ];
        lab.run("agt", None, &words, &[], "")
    };
    let ended = login(lab, &own)?.well("ssh with the key")?;
    oracle("the command was run", ended.stdout.trim() == "served")?;
    quiet(&server, 2222)?;
    lab.end()?;
    oracle("sshd says by what", lab.logged("sshd")?.contains("Accepted publickey for root"))?;
    login(lab, "/dev/null")?.badly("ssh without the key")?;
    Ok(())
}
