//! D17: joined late. Two sessions were open before anyone looked; nothing may be concluded from them.

use std::io::Write;
use std::process::Stdio;

use rustix::process::Signal;

use crate::lab::program::Program;
use crate::lab::programs::{Cluster, POSTGRESQL, postgres, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};
use crate::lab::wait;

pub(super) const SCENARIO: Scenario =
    Scenario { name: "d17", truth: include_str!("d17/truth.json"), needs: &POSTGRESQL, steps, also: None };

const RULES: &str = "host all report 10.77.50.0/24 trust\nhost all app_rw 0.0.0.0/0 scram-sha-256\n";

/// A psql that stays open until its input ends.
struct Session {
    name: &'static str,
    program: Program,
    input: std::process::ChildStdin,
}

impl Session {
    fn open(lab: &Lab, name: &'static str, role: &str, user: &str, password: &str) -> Result<Self, String> {
        let psql = postgres("psql");
        let words = [&psql, "-X", "-A", "-t", "-h", "10.77.20.2", "-U", user, "-d", "postgres"];
        let output = lab.log(name);
        let file =
            std::fs::File::create(&output).map_err(|error| format!("{}: {error}", output.display()))?;
        let mut command = lab.command(role, None, &words);
        command.env("PGPASSWORD", password).stdin(Stdio::piped()).stdout(file).stderr(Stdio::null());
        let mut program = Program::spawn(name, &mut command, Signal::TERM)?;
        let input = program.stdin().ok_or("psql has no input")?;
        let mut session = Self { name, program, input };
        session.ask(lab, "SELECT 'session ' || 'open';", "session open")?;
        Ok(session)
    }

    fn ask(&mut self, lab: &Lab, statement: &str, answer: &str) -> Result<(), String> {
        writeln!(self.input, "{statement}").map_err(|error| format!("{}: {error}", self.name))?;
        wait::until(&format!("an answer to {}", self.name), wait::LIMIT, || {
            Ok(lab.logged(self.name)?.contains(answer))
        })
    }

    fn close(self) -> Result<(), String> {
        let Self { name, mut program, input } = self;
        drop(input);
        wait::value(&format!("{name} to end"), wait::LIMIT, || program.ended())?;
        Ok(())
    }
}

fn steps(lab: &mut Lab) -> Result<(), String> {
    let (password, row) = (lab.secret("MARK17A")?, lab.secret("MARK17B")?);
    let cluster = Cluster::make(
        lab,
        "postgresql",
        RULES,
        &[
            "CREATE ROLE report LOGIN;".to_owned(),
            format!("CREATE ROLE app_rw LOGIN PASSWORD '{password}';"),
            format!("CREATE TABLE note AS SELECT '{row}'::text AS says;"),
            "GRANT SELECT ON note TO report, app_rw;".to_owned(),
        ],
    )?;
    let server = cluster.start(lab, "leg", Some("10.77.20.2"))?;
    let mut proved = Session::open(lab, "proved", "app", "app_rw", &password)?;
    let mut trusted = Session::open(lab, "trusted", "ops", "report", "")?;

    lab.observe()?;
    for session in [&mut proved, &mut trusted] {
        session.ask(lab, "SELECT says FROM note;", &row)?;
    }
    for address in ["10.77.40.2:", "10.77.50.2:"] {
        lab.until_said(&format!("a flow from {address} that joined late"), |line| {
            line.get("joined_late").and_then(serde_json::Value::as_bool) == Some(true)
                && line
                    .get("originator")
                    .and_then(serde_json::Value::as_str)
                    .is_some_and(|originator| originator.starts_with(address))
        })?;
    }
    proved.close()?;
    trusted.close()?;
    let psql = postgres("psql");
    for (role, user, secret) in [("app", "app_rw", password.as_str()), ("ops", "report", "")] {
        let words = [
            &psql,
            "-X",
            "-A",
            "-t",
            "-h",
            "10.77.20.2",
            "-U",
            user,
            "-d",
            "postgres",
            "-c",
            "SELECT says FROM note",
        ];
        let answer = lab.run(role, None, &words, &[("PGPASSWORD", secret)], "")?.well("psql again")?;
        oracle("served again", answer.stdout.contains(&row))?;
    }
    quiet(&server, 5432)?;
    lab.end()?;

    let log = lab.logged("postgresql")?;
    oracle("four connections came", log.matches("connection received: host=").count() == 4)?;
    oracle(
        "app_rw proved itself twice, by SCRAM",
        log.matches("connection authenticated: identity=\"app_rw\" method=scram-sha-256").count() == 2
            && log.matches("connection authenticated:").count() == 2,
    )?;
    oracle("report was let in twice", log.matches("connection authorized: user=report").count() == 2)
}
