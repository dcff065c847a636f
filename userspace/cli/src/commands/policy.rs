//! `tierzero policy`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use tierzero_core::graph::Workload;
use tierzero_core::id::ListenerId;
use tierzero_export::policy::{Enforcer, Tier, Wanted, policy};

use crate::arguments::Global;
use crate::commands::filter::fits_workload;
use crate::error::{Failure, Outcome};
use crate::output::index::Index;
use crate::output::{colour, coverage};
use crate::{config, stored};

/// What reads the rules, as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Target {
    /// Identity tier: subjects of certificates
    Nginx,
    /// Identity tier: names in certificates, SPIFFE IDs among them
    Envoy,
    /// Identity tier: roles of PostgreSQL
    #[value(name = "pg_hba")]
    PgHba,
    /// Network tier: what an agent's cgroup may call
    Nft,
    /// Network tier: addresses that an agent's unit may call
    Systemd,
}

impl Target {
    fn enforcer(self) -> Enforcer {
        match self {
            Self::Nginx => Enforcer::Nginx,
            Self::Envoy => Enforcer::Envoy,
            Self::PgHba => Enforcer::PgHba,
            Self::Nft => Enforcer::Nft,
            Self::Systemd => Enforcer::Systemd,
        }
    }
}

/// Propose rules for what decides who may call: by proved names, or by addresses that agents called
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero policy --for nginx --listener :8443      subjects of certificates that may call
  tierzero policy --for pg_hba > proposal.conf      roles, and who would be refused
  tierzero policy --for systemd --agent helpdesk    a drop-in for one agent's unit
  tierzero policy --for nft --agent helpdesk --cgroup system.slice/helpdesk.service

Nothing is applied: the text is for a person to read, change and hand to the program it is for.
Comments say which calls that were served would be refused, which rule names an identity, and which
an address: that one is itself location trust. It is made of [[named_caller]] where a listener has
one, else of what happened, attacks included. Whether it holds is seen when a caller is refused.")]
pub(crate) struct Policy {
    /// What is to read the rules
    #[arg(long = "for", value_name = "TARGET", value_enum)]
    target: Target,
    /// Only listeners whose place, workload or id contains TEXT (identity tier)
    #[arg(long, value_name = "TEXT")]
    listener: Option<String>,
    /// Only agents whose id begins with TEXT, or whose name, program, unit or container contains it (network tier)
    #[arg(long, value_name = "TEXT")]
    agent: Option<String>,
    /// The one agent's cgroup below the root of cgroup2 (nft); found by its unit where it has one
    #[arg(long, value_name = "PATH")]
    cgroup: Option<String>,
}

impl Policy {
    /// Prints the proposal.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let enforcer = self.target.enforcer();
        self.check(enforcer)?;
        let lists = config::load(global.config.as_deref())?.callers;
        let snapshot = stored::snapshot(global)?;
        let index = Index::new(&snapshot);
        let listener = |id: &ListenerId| {
            let fits = |text: &String| id.as_str().contains(text) || index.listener_name(id).contains(text);
            self.listener.as_ref().is_none_or(fits)
        };
        let agent = |it: &Workload| self.agent.as_ref().is_none_or(|text| fits_workload(text, it));
        if self.cgroup.is_some() {
            let agents = snapshot.agents.iter().filter(|it| {
                snapshot.workloads.iter().any(|workload| workload.id == it.root && agent(workload))
            });
            let count = agents.count();
            if count != 1 {
                return Err(Failure::usage(format!("--cgroup is of one agent, and {count} fit"))
                    .next("name it with --agent; `tierzero agents` shows them"));
            }
        }
        let cgroup = |it: &Workload| {
            self.cgroup.clone().or_else(|| it.unit.as_deref().and_then(|unit| cgroup_of(&mount()?, unit)))
        };
        let mount = mount();
        let root = mount.as_deref().and_then(|it| it.strip_prefix("/sys/fs/cgroup").ok()?.to_str());
        let wanted = Wanted {
            listener: &listener,
            agent: &agent,
            cgroup: &cgroup,
            cgroup_root: root.unwrap_or_default(),
        };
        let mut out = colour::stdout();
        write!(out, "{}", policy(&snapshot, &lists, enforcer, &wanted))?;
        out.flush()?;
        coverage::warn_of_unseen(&snapshot);
        Ok(())
    }

    /// Options that would be without effect are errors.
    fn check(&self, enforcer: Enforcer) -> Outcome {
        let wrong = match enforcer.tier() {
            Tier::Identity if self.agent.is_some() => "--agent is for the network tier (nft, systemd)",
            Tier::Identity if self.cgroup.is_some() => "--cgroup is for nft",
            Tier::Network if self.listener.is_some() => {
                "--listener is for the identity tier (nginx, envoy, pg_hba)"
            }
            Tier::Network if self.cgroup.is_some() && enforcer != Enforcer::Nft => "--cgroup is for nft",
            Tier::Identity | Tier::Network => return Ok(()),
        };
        Err(Failure::usage(wrong).next("`tierzero policy --help` shows what goes together"))
    }
}

/// Where cgroup2 is mounted (proc(5), mountinfo: the type follows a lone hyphen).
fn mount() -> Option<PathBuf> {
    let text = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    text.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let path = before.split(' ').nth(4)?;
        after.starts_with("cgroup2 ").then(|| PathBuf::from(path))
    })
}

/// The path of a unit's cgroup, if exactly one directory has its name: slices lie in each other, so it is looked for.
fn cgroup_of(root: &Path, unit: &str) -> Option<String> {
    /// Slices within slices; a pod's containers are no units.
    const DEPTH: usize = 6;
    let mut found = Vec::new();
    let mut level = vec![root.to_path_buf()];
    for _ in 0..DEPTH {
        let below = level.iter().filter_map(|it| std::fs::read_dir(it).ok()).flatten().flatten();
        level = below.filter(|it| it.file_type().is_ok_and(|it| it.is_dir())).map(|it| it.path()).collect();
        found.extend(level.iter().filter(|it| it.file_name().is_some_and(|it| it == unit)).cloned());
    }
    match found.as_slice() {
        [one] => Some(one.strip_prefix(root).ok()?.to_str()?.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::cgroup_of;

    #[test]
    fn a_units_cgroup_is_found_where_there_is_one() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str| std::fs::create_dir_all(root.path().join(path)).unwrap();
        make("system.slice/helpdesk.service/inner");
        make("user.slice/user-1.slice/twice.service");
        make("system.slice/twice.service");
        let of = |unit| cgroup_of(root.path(), unit);
        assert_eq!(of("helpdesk.service").as_deref(), Some("system.slice/helpdesk.service"));
        assert_eq!((of("twice.service"), of("absent.service")), (None, None));
    }
}
