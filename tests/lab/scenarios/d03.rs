//! D03: Unix sockets. One receiver asks the kernel who calls, one asks nobody, one relies on the file's mode.

use rustix::process::Signal;

use crate::lab::programs::{Cluster, POSTGRESQL, SOCAT, directory_of, listens_at, postgres};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d03",
    truth: include_str!("d03/truth.json"),
    needs: &[POSTGRESQL[0], POSTGRESQL[1], SOCAT],
    steps,
    also: None,
};

fn steps(lab: &mut Lab) -> Result<(), String> {
    let (row, line) = (lab.secret("MARK3A")?, lab.secret("MARK3B")?);
    let table = format!("CREATE TABLE note AS SELECT '{row}'::text AS says;");
    let peer = Cluster::make(lab, "peer", "local all all peer\n", std::slice::from_ref(&table))?;
    let trust = Cluster::make(
        lab,
        "trust",
        "local all all trust\n",
        &["CREATE ROLE reader LOGIN;".to_owned(), table, "GRANT SELECT ON note TO reader;".to_owned()],
    )?;
    let sockets = lab.directory().join("sockets");
    directory_of("nobody", &sockets)?;
    lab.observe()?;

    let psql = postgres("psql");
    let ask = |lab: &Lab, cluster: &Cluster, user: &str, role: &str| {
        let place = cluster.place().display().to_string();
        let words = [
            &psql,
            "-X",
            "-A",
            "-t",
            "-h",
            &place,
            "-U",
            role,
            "-d",
            "postgres",
            "-c",
            "SELECT says FROM note",
        ];
        lab.run("leg", Some(user), &words, &[], "")
    };
    let peer_server = peer.start(lab, "leg", None)?;
    let trust_server = trust.start(lab, "leg", None)?;
    let known = ask(lab, &peer, "postgres", "postgres")?.well("psql by peer")?;
    oracle("the matching uid is served", known.stdout.contains(&row))?;
    let anyone = ask(lab, &trust, "postgres", "reader")?.well("psql by trust")?;
    oracle("the trusting cluster serves", anyone.stdout.contains(&row))?;

    let listen = |lab: &Lab, name: &str, mode: &str| {
        let path = sockets.join(name);
        let address = format!("UNIX-LISTEN:{},mode={mode},fork", path.display());
        let words = ["/usr/bin/socat", &address, "PIPE"];
        let mut server = lab.daemon(name, "leg", Some("nobody"), &words, Signal::TERM)?;
        listens_at(&mut server, lab, name, &path)?;
        Ok::<_, String>(server)
    };
    let call = |lab: &Lab, name: &str, user: &str| {
        let address = format!("UNIX-CONNECT:{}", sockets.join(name).display());
        lab.run("leg", Some(user), &["/usr/bin/socat", "-t", "5", "-", &address], &[], &line)
    };
    let private = listen(lab, "private.sock", "0600")?;
    let world = listen(lab, "world.sock", "0666")?;
    let same = call(lab, "private.sock", "nobody")?.well("socat as the owner")?;
    oracle("the owner gets its own words back", same.stdout == line)?;
    let other = call(lab, "world.sock", "daemon")?.well("socat as somebody else")?;
    oracle("somebody else gets its own words back", other.stdout == line)?;
    lab.end()?;

    let log = lab.logged("peer")?;
    oracle(
        "the first cluster asked the kernel once",
        log.matches("connection authenticated: identity=\"postgres\" method=peer").count() == 1,
    )?;
    let log = lab.logged("trust")?;
    oracle(
        "the second cluster let reader in and authenticated nobody",
        log.contains("connection authorized: user=reader") && !log.contains("connection authenticated:"),
    )?;
    let stranger = ask(lab, &peer, "nobody", "postgres")?.badly("another uid at the first cluster")?;
    oracle("it says why", stranger.stderr.contains("Peer authentication failed"))?;
    ask(lab, &trust, "nobody", "reader")?.well("another uid at the second cluster")?;
    let shut_out = call(lab, "private.sock", "daemon")?.badly("another uid at the private socket")?;
    oracle("the kernel says why", shut_out.stderr.contains("Permission denied"))?;
    drop((peer_server, trust_server, private, world));
    Ok(())
}
