//! Who is an agent: the operator's rules, and the programs at which lineage ends.

use regex_lite::Regex;

use super::processes::Image;
use super::workload::script;
use crate::event::CgroupPlace;
use crate::graph::Boundary;

/// How the pipeline tells agents.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AgentRules {
    /// The operator's rules.
    pub rules: Vec<AgentRule>,
    /// Where models are called, beside those of the list that comes with the program: host names; `*.` in front
    /// stands for one label or more.
    pub model_endpoints: Vec<String>,
    /// Who decides.
    pub decided: Decided,
}

/// Who decides which processes show signs of being agents.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Decided {
    /// The rules given here. Decisions that come in as events are left out.
    #[default]
    ByRules,
    /// The recorded log that is replayed: it says what was decided when it was recorded.
    InTheLog,
}

/// One rule: every key that is given must fit. A rule without keys fits nothing.
#[derive(Clone, Debug, Default)]
pub struct AgentRule {
    /// Name of the agent.
    pub name: String,
    /// Path of the program; without a slash its last component.
    pub exe: Option<String>,
    /// Pattern that the command line contains; arguments are parted by one blank.
    pub argv: Option<Regex>,
    /// systemd service unit, with or without `.service`.
    pub unit: Option<String>,
    /// Path of a cgroup below the cgroup root; what is below it fits too.
    pub cgroup: Option<String>,
    /// Real user id.
    pub uid: Option<u32>,
    /// Name of a network namespace, or its inode number.
    pub netns: Option<String>,
    /// Names of environment variables, all of which must be set.
    pub env: Vec<String>,
}

impl PartialEq for AgentRule {
    fn eq(&self, other: &Self) -> bool {
        let Self { name, exe, argv, unit, cgroup, uid, netns, env } = self;
        let pattern = |it: &Option<Regex>| it.as_ref().map(|it| it.as_str().to_owned());
        (name, exe, unit, cgroup, netns)
            == (&other.name, &other.exe, &other.unit, &other.cgroup, &other.netns)
            && (uid, env) == (&other.uid, &other.env)
            && pattern(argv) == pattern(&other.argv)
    }
}

impl Eq for AgentRule {}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Program.
    pub image: &'a Image,
    /// What its cgroup says.
    pub place: Option<&'a CgroupPlace>,
    /// Real user id.
    pub uid: u32,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// Name of its network namespace.
    pub netns_name: Option<&'a str>,
    /// Names of environment variables that were looked for and are set.
    pub env: &'a [String],
}

impl AgentRules {
    /// By which entry a host name is that of a model's endpoint: of the operator's, then of the list.
    #[must_use]
    pub fn model_endpoint<'a>(&'a self, host: &str) -> Option<&'a str> {
        let listed = ENDPOINTS.lines().filter(|line| !line.starts_with('#'));
        let listed = listed.filter_map(|line| line.split('\t').next()).filter(|it| !it.is_empty());
        let own = self.model_endpoints.iter().map(String::as_str);
        own.chain(listed).find(|entry| is_host(entry, host))
    }

    /// The first rule that fits, and by which keys.
    #[must_use]
    pub fn declared(&self, of: &Candidate<'_>) -> Option<(&AgentRule, Vec<String>)> {
        self.rules.iter().find_map(|rule| Some((rule, rule.fits(of)?)))
    }

    /// Names of environment variables that rules ask for.
    #[must_use]
    pub fn env_names(&self) -> Vec<String> {
        let mut names = self.rules.iter().flat_map(|it| it.env.iter().cloned()).collect::<Vec<_>>();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// True when a rule looks at what may get its name later than the process is seen.
    #[must_use]
    pub fn look_at_places(&self) -> bool {
        self.rules.iter().any(|it| it.unit.is_some() || it.cgroup.is_some() || it.netns.is_some())
    }
}

impl AgentRule {
    /// By which keys it fits; `None` when one does not.
    #[must_use]
    pub fn fits(&self, of: &Candidate<'_>) -> Option<Vec<String>> {
        let Self { name: _, exe, argv, unit, cgroup, uid, netns, env } = self;
        // What only starts another program as somebody else is not that program, whatever its arguments say.
        if exe.is_none() && boundary(of.image).is_some() {
            return None;
        }
        let mut by = Vec::new();
        if let Some(wanted) = exe {
            let exe = of.image.exe.as_deref()?;
            let exe = exe.strip_suffix(" (deleted)").unwrap_or(exe);
            let named = if wanted.contains('/') { exe } else { basename(exe) };
            (named == wanted).then(|| by.push(format!("exe {wanted}")))?;
        }
        if let Some(pattern) = argv {
            pattern.is_match(&of.image.argv.join(" ")).then(|| by.push(format!("argv {pattern}")))?;
        }
        if let Some(wanted) = unit {
            let unit = of.place?.unit.as_deref()?;
            let fits = unit == wanted || unit.strip_suffix(".service") == Some(wanted);
            fits.then(|| by.push(format!("unit {wanted}")))?;
        }
        if let Some(wanted) = cgroup {
            let below = of.place?.path.trim_matches('/').strip_prefix(wanted.trim_matches('/'))?;
            (below.is_empty() || below.starts_with('/')).then(|| by.push(format!("cgroup {wanted}")))?;
        }
        if let Some(wanted) = uid {
            (of.uid == *wanted).then(|| by.push(format!("uid {wanted}")))?;
        }
        if let Some(wanted) = netns {
            let fits = of.netns_name == Some(wanted) || of.netns.to_string() == *wanted;
            fits.then(|| by.push(format!("netns {wanted}")))?;
        }
        for wanted in env {
            of.env.contains(wanted).then(|| by.push(format!("env {wanted}")))?;
        }
        Some(by).filter(|by| !by.is_empty())
    }
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The boundary that a program is: what it starts runs in another's name, by another's order, or not as its child at
/// all (sudo(8), su(1), doas(1), pkexec(1), cron(8), crontab(1), at(1), systemctl(1), systemd-run(1)).
#[must_use]
pub fn boundary(image: &Image) -> Option<Boundary> {
    let program = image.exe.as_deref().unwrap_or(&image.comm);
    let program = program.strip_suffix(" (deleted)").unwrap_or(program);
    Some(match basename(script(image).unwrap_or(program)) {
        "sudo" | "sudo-rs" => Boundary::Sudo,
        "su" | "su-rs" | "runuser" => Boundary::Su,
        "doas" => Boundary::Doas,
        "pkexec" => Boundary::Pkexec,
        "cron" | "crond" | "anacron" | "fcron" | "crontab" => Boundary::Cron,
        "at" | "batch" | "atd" => Boundary::At,
        "systemd-run" | "run0" => Boundary::Systemd,
        "systemctl" if image.argv.iter().skip(1).any(|word| starts_units(word)) => Boundary::Systemd,
        _ => return None,
    })
}

/// The list of models' endpoints.
const ENDPOINTS: &str = include_str!("model_endpoints.tsv");

fn is_host(entry: &str, host: &str) -> bool {
    match entry.strip_prefix("*.") {
        Some(domain) => host
            .get(host.len().saturating_sub(domain.len() + 1)..)
            .and_then(|end| end.strip_prefix('.'))
            .is_some_and(|end| end.eq_ignore_ascii_case(domain) && host.len() > domain.len() + 1),
        None => host.eq_ignore_ascii_case(entry),
    }
}

/// The list of programs that are known to be agents.
const KNOWN: &str = include_str!("agent_programs.tsv");

/// By which entry of the list a program is known to be an agent's.
#[must_use]
pub fn known_program(image: &Image) -> Option<&'static str> {
    let exe = image.exe.as_deref()?;
    let program = script(image).unwrap_or(exe);
    KNOWN.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = line.split('\t');
        let (kind, text) = (fields.next()?, fields.next()?);
        let fits = match kind {
            "name" => basename(program) == text,
            _ => program.contains(text) || exe.contains(text),
        };
        fits.then_some(text)
    })
}

/// Commands of systemctl(1) that start a unit.
fn starts_units(word: &str) -> bool {
    matches!(
        word,
        "start"
            | "restart"
            | "try-restart"
            | "reload-or-restart"
            | "try-reload-or-restart"
            | "isolate"
            | "reenable"
            | "--now"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(exe: &str, argv: &[&str]) -> Image {
        let argv = argv.iter().map(|it| (*it).to_owned()).collect();
        Image { exe: Some(exe.to_owned()), argv, comm: "x".to_owned() }
    }

    #[test]
    fn every_key_that_is_given_must_fit() {
        let python = image("/usr/bin/python3.11", &["python3", "/lab/agent.py", "--fast"]);
        let place = CgroupPlace {
            path: "/system.slice/help.service".into(),
            unit: Some("help.service".into()),
            ..CgroupPlace::default()
        };
        let env = ["AGENT".to_owned()];
        let of = Candidate {
            image: &python,
            place: Some(&place),
            uid: 7,
            netns: 4,
            netns_name: Some("agt"),
            env: &env,
        };
        let rule = AgentRule { name: "a".into(), ..AgentRule::default() };
        let text = |it: &str| Some(it.to_owned());
        let fits = |rule: AgentRule| rule.fits(&of).is_some();
        assert!(!fits(rule.clone()), "a rule without keys");
        assert!(fits(AgentRule { exe: text("/usr/bin/python3.11"), uid: Some(7), ..rule.clone() }));
        assert!(fits(AgentRule { exe: text("python3.11"), ..rule.clone() }));
        assert!(!fits(AgentRule { exe: text("python3.11"), uid: Some(8), ..rule.clone() }));
        assert!(fits(AgentRule { argv: Regex::new("agent\\.py( |$)").ok(), ..rule.clone() }));
        assert!(!fits(AgentRule { argv: Regex::new("agent$").ok(), ..rule.clone() }));
        assert!(fits(AgentRule { unit: text("help"), ..rule.clone() }));
        assert!(fits(AgentRule { cgroup: text("/system.slice"), ..rule.clone() }));
        assert!(!fits(AgentRule { cgroup: text("/system.sl"), ..rule.clone() }));
        assert!(fits(AgentRule { netns: text("agt"), ..rule.clone() }));
        assert!(fits(AgentRule { netns: text("4"), ..rule.clone() }));
        assert!(fits(AgentRule { env: vec!["AGENT".into()], ..rule.clone() }));
        assert!(!fits(AgentRule { env: vec!["AGENT".into(), "B".into()], ..rule }));
    }

    #[test]
    fn endpoints_are_of_the_list_or_the_operators() {
        let rules = AgentRules { model_endpoints: vec!["Gateway.lab".into()], ..AgentRules::default() };
        assert_eq!(rules.model_endpoint("api.anthropic.com"), Some("api.anthropic.com"));
        assert_eq!(rules.model_endpoint("gateway.LAB"), Some("Gateway.lab"));
        assert_eq!(
            rules.model_endpoint("mine.openai.azure.com"),
            Some("*.openai.azure.com"),
            "a label in front"
        );
        for other in
            ["openai.azure.com", "api.anthropic.com.evil.example", "anthropic.com", "xgateway.lab", "\u{e9}"]
        {
            assert_eq!(rules.model_endpoint(other), None, "{other}");
        }
    }

    #[test]
    fn boundaries_are_programs_and_never_the_program_they_start() {
        let sudo = image("/usr/bin/sudo", &["sudo", "python3", "/lab/agent.py"]);
        assert_eq!(boundary(&sudo), Some(Boundary::Sudo));
        let of = Candidate { image: &sudo, place: None, uid: 0, netns: 1, netns_name: None, env: &[] };
        let argv = AgentRule { argv: Regex::new("agent").ok(), ..AgentRule::default() };
        assert!(argv.fits(&of).is_none());
        let batch = image("/usr/bin/dash", &["/bin/sh", "/usr/bin/batch"]);
        assert_eq!(boundary(&batch), Some(Boundary::At));
        let status = image("/usr/bin/systemctl", &["systemctl", "status", "x"]);
        assert_eq!(boundary(&status), None);
        let start = image("/usr/bin/systemctl", &["systemctl", "--user", "start", "x"]);
        assert_eq!(boundary(&start), Some(Boundary::Systemd));
        assert_eq!(boundary(&image("/usr/bin/ssh-agent", &["ssh-agent"])), None);
    }
}
