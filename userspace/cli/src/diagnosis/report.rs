//! The diagnosis for people.

use std::io::{self, Write};

use super::{ATTACHED, Answer, Diagnosis, Reading, TlsLibrary, verdicts};
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::text::{heading, sentence};
use crate::output::{colour, escape, words};

impl Diagnosis {
    /// Writes it.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            schema: _,
            version,
            host,
            kernel,
            privileges,
            programs,
            tls_libraries,
            reading,
            degraded,
            verdicts: outlook,
            database,
            configuration,
            next,
        } = self;
        writeln!(out, "tierzero {version} on {}", escape::untrusted(host))?;

        heading(out, "Kernel")?;
        field(out, "release", &kernel.release, true)?;
        field(
            out,
            "BTF",
            if kernel.btf { "there" } else { "not there: field offsets can't be read" },
            kernel.btf,
        )?;
        let cgroup2 = kernel.cgroup2.as_deref();
        field(out, "cgroup2", cgroup2.unwrap_or("not mounted: nothing can be attached"), cgroup2.is_some())?;
        if let Some(lockdown) = &kernel.lockdown {
            field(out, "lockdown", lockdown, lockdown != "confidentiality")?;
        }

        heading(out, "Privileges")?;
        field(out, "user", if privileges.root { "root" } else { "not root" }, privileges.root)?;
        for capability in privileges.capabilities.iter().filter(|capability| !capability.held) {
            field(out, "missing", &format!("{}: {}", capability.name, capability.gives), false)?;
        }

        let works = programs.iter().filter(|program| program.state == ATTACHED).count();
        heading(out, &format!("Programs ({works} of {} attach)", programs.len()))?;
        let hooks: Vec<&str> = programs
            .iter()
            .filter(|program| program.state == ATTACHED)
            .map(|program| program.hook.as_str())
            .collect();
        sentence(out, "", &hooks.join(", "))?;
        let mut reasons: Vec<&str> = Vec::new();
        let mut table =
            Table::new(&[Column::word("  STATE"), Column::word("HOOK"), Column::name("NOT SEEN WITHOUT IT")]);
        for program in programs.iter().filter(|program| program.state != ATTACHED) {
            table.row(vec![
                Cell::styled(format!("  {}", program.state), colour::WARNING),
                Cell::new(&program.hook),
                Cell::new(&program.loses),
            ]);
            if !reasons.contains(&program.because.as_str()) {
                reasons.push(&program.because);
            }
        }
        if works < programs.len() {
            table.write(out, terminal_width())?;
        }
        for reason in reasons {
            field(out, "because", reason, false)?;
        }

        let followable = tls_libraries.iter().filter(|library| library.followable).count();
        heading(
            out,
            &format!(
                "Inside TLS, only with `observe --tls-library` ({followable} of {} libraries)",
                tls_libraries.len()
            ),
        )?;
        for TlsLibrary { file, followable, because } in tls_libraries {
            let says = if *followable { file.clone() } else { format!("{file}: {because}") };
            field(out, if *followable { "can be" } else { "can't be" }, &says, *followable)?;
        }

        heading(out, "Reading this host")?;
        let Reading { processes, network_namespaces, listeners, open_connections } = reading;
        let counts = [
            words::counted(*processes, "process", "processes"),
            words::counted(*network_namespaces, "network namespace", "network namespaces"),
            words::counted(*listeners, "listener", "listeners"),
            words::counted(*open_connections, "open connection", "open connections"),
        ];
        field(out, "found", &counts.join(", "), true)?;

        heading(out, "Not seen here")?;
        for one in degraded {
            let (warning, name) = (colour::WARNING, escape::untrusted(&one.name));
            writeln!(out, "  {warning}{name}{warning:#}")?;
            sentence(out, "  not seen: ", &one.loses)?;
            for (lead, said) in [("  because:  ", &one.because), ("  remedy:   ", &one.remedy)] {
                if !said.is_empty() {
                    sentence(out, lead, said)?;
                }
            }
        }
        for always in verdicts::ALWAYS_UNSEEN {
            writeln!(out, "  on any host: {always}")?;
        }

        heading(out, "Verdicts")?;
        for one in outlook {
            let style = if one.available { colour::GOOD } else { colour::WARNING };
            writeln!(out, "  {style}{:<17}{style:#} {}", one.verdict, one.says)?;
        }

        heading(out, "Files")?;
        answer(out, "database", database)?;
        answer(out, "config", configuration)?;

        heading(out, "Next")?;
        next.iter().try_for_each(|one| writeln!(out, "  {one}"))
    }
}

fn field(out: &mut dyn Write, name: &str, value: &str, good: bool) -> io::Result<()> {
    let style = if good { colour::PLAIN } else { colour::WARNING };
    writeln!(out, "  {name:<9} {style}{}{style:#}", escape::untrusted(value))
}

fn answer(out: &mut dyn Write, name: &str, answer: &Answer) -> io::Result<()> {
    field(out, name, &format!("{}: {}", answer.place, answer.says), answer.usable)
}
