//! D01: one PostgreSQL, two rules. One caller is trusted for its address, another proves itself, a third fails.

use crate::lab::programs::{Cluster, POSTGRESQL, postgres, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario =
    Scenario { name: "d01", truth: include_str!("d01/truth.json"), needs: &POSTGRESQL, steps, also: None };

const RULES: &str = "host all report 10.77.40.0/24 trust\nhost all app_rw 0.0.0.0/0 scram-sha-256\n";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let (never_asked, right, wrong, row) =
        (lab.secret("MARK1A")?, lab.secret("MARK1B")?, lab.secret("MARK1C")?, lab.secret("MARK1D")?);
    let cluster = Cluster::make(
        lab,
        "postgresql",
        RULES,
        &[
            "CREATE ROLE report LOGIN;".to_owned(),
            format!("CREATE ROLE app_rw LOGIN PASSWORD '{right}';"),
            format!("CREATE TABLE note AS SELECT '{row}'::text AS says;"),
            "GRANT SELECT ON note TO report, app_rw;".to_owned(),
        ],
    )?;
    lab.observe()?;
    let server = cluster.start(lab, "leg", Some("10.77.20.2"))?;

    let psql = postgres("psql");
    let query = ["-X", "-A", "-t", "-d", "postgres", "-c", "SELECT says FROM note"];
    let ask = |lab: &Lab, role: &str, user: &str, password: &str| {
        let mut words = vec![psql.as_str(), "-h", "10.77.20.2", "-U", user];
        words.extend(query);
        lab.run(role, None, &words, &[("PGPASSWORD", password)], "")
    };
    let trusted = ask(lab, "app", "report", &never_asked)?.well("psql as report")?;
    oracle("report reads the table", trusted.stdout.contains(&row))?;
    let proved = ask(lab, "app", "app_rw", &right)?.well("psql as app_rw")?;
    oracle("app_rw reads the table", proved.stdout.contains(&row))?;
    // The wrong password stands in the command line: the observer must not keep it from there either.
    let address = format!("postgresql://app_rw:{wrong}@10.77.20.2/postgres");
    lab.run("ops", None, &[&psql, "-X", &address, "-c", "SELECT says FROM note"], &[], "")?
        .badly("psql with a wrong password")?;
    quiet(&server, 5432)?;
    lab.end()?;

    let log = lab.logged("postgresql")?;
    oracle("three connections came", log.matches("connection received: host=").count() == 3)?;
    oracle(
        "the server authenticated app_rw, and only app_rw, by SCRAM",
        log.matches("connection authenticated: identity=\"app_rw\" method=scram-sha-256").count() == 1
            && log.matches("connection authenticated:").count() == 1,
    )?;
    oracle("the server let report in", log.contains("connection authorized: user=report"))?;
    oracle(
        "the server refused the wrong password",
        log.matches("password authentication failed for user \"app_rw\"").count() == 1,
    )?;
    let unasked = ask(lab, "app", "report", "")?.well("psql as report without any password")?;
    oracle("report is served without any password", unasked.stdout.contains(&row))
}
