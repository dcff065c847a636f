//! The configuration file: all of it is checked before anything starts.

mod checks;
mod sections;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use tierzero_core::finding::{CallerLists, Rules};
use tierzero_core::graph::tier0::Terms;
use tierzero_core::graph::{Label, Labels};
use tierzero_export::STALE_AFTER;

use crate::error::{Failure, Outcome};
use crate::outlets::Webhook;
use crate::output::{colour, escape};
use crate::place;
use sections::Sections;
use tierzero_core::subject::{AgentRule, AgentRules};

/// Longest time for one request to the webhook, where the configuration does not say.
const WEBHOOK_TIMEOUT_S: u64 = 5;

/// What the configuration says, as far as this version acts on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Config {
    /// Longest lifetime in seconds of a credential that counts as short-lived.
    pub(crate) short_lived_s: u64,
    /// Size of the kernel's ring for payload, in bytes; `None` leaves it to the sensor.
    pub(crate) ring_bytes: Option<u32>,
    /// Payload bytes kept of each direction of a flow until it is judged; `None` leaves it to the sensor.
    pub(crate) payload_bytes: Option<u32>,
    /// Look inside TLS through the receivers' libraries.
    pub(crate) tls_library: bool,
    /// Days after which what was last seen is forgotten; `None` keeps everything.
    pub(crate) retention_days: Option<u32>,
    /// Who is an agent.
    pub(crate) agents: AgentRules,
    /// What the operator calls listeners.
    pub(crate) labels: Labels,
    /// Who may call, by listener.
    pub(crate) callers: CallerLists,
    /// Where findings are sent to, beside the store.
    pub(crate) webhook: Option<Webhook>,
    /// After how much silence a finding is marked stale.
    pub(crate) stale_after: SignedDuration,
    /// What an operator says about owners, and the limits of the write-down.
    pub(crate) terms: Terms,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            short_lived_s: 3600,
            ring_bytes: None,
            payload_bytes: None,
            tls_library: false,
            retention_days: None,
            agents: AgentRules::default(),
            labels: Labels::default(),
            callers: CallerLists::default(),
            webhook: None,
            stale_after: STALE_AFTER,
            terms: Terms::default(),
        }
    }
}

impl Config {
    /// What turns observations into findings.
    pub(crate) fn rules(&self) -> Rules {
        let dormant = i64::try_from(self.terms.dormant_s).unwrap_or(i64::MAX);
        Rules { dormant_after: SignedDuration::from_secs(dormant), ..Rules::default() }
    }
}

/// Reads the file that was named, or the default one if it is there, and warns on stderr of what has no effect yet.
pub(crate) fn load(named: Option<&Path>) -> Outcome<Config> {
    let path = named.map_or_else(|| PathBuf::from(place::CONFIG), Path::to_path_buf);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
            return Ok(Config::default());
        }
        Err(error) => return Err(unreadable(&path, &error)),
    };
    let (config, idle) = parse(&path, &text)?;
    for section in idle {
        colour::warn(&format!(
            "{}: {section} has no effect in this version of tierzero; it was checked and is otherwise ignored",
            escape::untrusted(&path.display().to_string())
        ));
    }
    Ok(config)
}

/// The configuration, and the sections in it that have no effect yet.
fn parse(path: &Path, text: &str) -> Outcome<(Config, Vec<&'static str>)> {
    let sections: Sections = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        unusable(path, line).because(error.to_string().trim_end())
    })?;
    checks::all(&sections).map_err(|problem| {
        unusable(path, Some(line_of(text, problem.offset)))
            .because(format!("{} `{}`: {}", problem.section, problem.key, problem.says))
    })?;
    let idle = sections.without_effect();
    let agents = AgentRules {
        rules: sections.agent.into_iter().map(agent).collect(),
        model_endpoints: sections.model_endpoint.into_iter().map(|it| it.host.into_inner()).collect(),
        ..AgentRules::default()
    };
    let limits = sections.limits;
    let usual = Terms::default();
    let terms = Terms {
        owners: sections.owner.into_iter().map(sections::Owner::rule).collect(),
        short_lived_s: limits.short_lived_s.as_ref().map_or(usual.short_lived_s, |it| *it.get_ref()),
        dormant_s: limits.dormant_s.map_or(usual.dormant_s, toml::Spanned::into_inner),
        owner_stale_days: limits.owner_stale_days.map_or(usual.owner_stale_days, toml::Spanned::into_inner),
    };
    let config = Config {
        short_lived_s: limits.short_lived_s.map_or(3600, toml::Spanned::into_inner),
        ring_bytes: limits.ring_bytes.map(toml::Spanned::into_inner),
        payload_bytes: limits.payload_bytes.map(toml::Spanned::into_inner),
        tls_library: sections.observe.tls_library.unwrap_or_default(),
        retention_days: limits.retention_days.map(toml::Spanned::into_inner),
        agents,
        labels: Labels { legacy: labels(sections.legacy), modern: labels(sections.modern) },
        callers: CallerLists {
            lists: sections.named_caller.into_iter().map(sections::NamedCaller::list).collect(),
        },
        webhook: sections.webhook.and_then(webhook),
        stale_after: limits.stale_s.map_or(STALE_AFTER, |it| {
            SignedDuration::from_secs(i64::try_from(it.into_inner()).unwrap_or(i64::MAX))
        }),
        terms,
    };
    Ok((config, idle))
}

fn labels(written: Vec<sections::Place>) -> Vec<Label> {
    written.into_iter().map(sections::Place::label).collect()
}

/// A rule as it was written. Its pattern was compiled once when it was checked.
fn agent(written: sections::Agent) -> AgentRule {
    let sections::Agent { name, exe, argv, unit, cgroup, uid, netns, env } = written;
    let text = |it: Option<toml::Spanned<String>>| it.map(toml::Spanned::into_inner);
    AgentRule {
        name: name.into_inner(),
        exe: text(exe),
        argv: argv.and_then(|it| checks::pattern(it.get_ref()).ok()),
        unit: text(unit),
        cgroup: text(cgroup),
        uid: uid.map(toml::Spanned::into_inner),
        netns: text(netns),
        env: env.into_iter().map(toml::Spanned::into_inner).collect(),
    }
}

/// As written. Its URL was looked at when it was checked.
fn webhook(written: sections::WebhookSection) -> Option<Webhook> {
    let sections::WebhookSection { url, token_file, timeout_s } = written;
    Some(Webhook {
        address: url.get_ref().parse().ok()?,
        token_file: token_file.map(|path| PathBuf::from(path.into_inner())),
        timeout: Duration::from_secs(timeout_s.map_or(WEBHOOK_TIMEOUT_S, toml::Spanned::into_inner)),
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let kind = error.kind();
    let hint = if kind == io::ErrorKind::NotFound {
        "check the name after --config; without --config defaults are used"
    } else if kind == io::ErrorKind::PermissionDenied {
        "run as a user who may read it, or name another with --config"
    } else if kind == io::ErrorKind::InvalidData {
        "the file must be UTF-8 text"
    } else {
        "name another file with --config"
    };
    Failure::new("the configuration can't be read; nothing was started")
        .at_file(path)
        .because(error)
        .next(hint)
}

fn unusable(path: &Path, line: Option<usize>) -> Failure {
    let place = match line {
        Some(line) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    };
    Failure::new("the configuration is not usable; nothing was started")
        .at(place)
        .next("correct that line; the sections and keys are in `man tierzero` under CONFIGURATION")
}

/// Line number, from 1, of a byte offset.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierzero_core::graph::tier0::Owned;

    fn outcome(text: &str) -> Outcome<(Config, Vec<&'static str>)> {
        parse(Path::new("t.toml"), text)
    }

    fn complaint(text: &str) -> String {
        format!("{:?}", outcome(text).unwrap_err())
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(outcome("").unwrap(), (Config::default(), vec![]));
    }

    #[test]
    fn limits_take_effect_and_others_are_named() {
        let (config, idle) = outcome(
            "[limits]\nshort_lived_s = 900\nring_bytes = 1048576\npayload_bytes = 4096\nretention_days = 30\n\
             memory_bytes = 268435456\nstale_s = 60\n[observe]\ntls_library = true\n[[agent]]\nname = 'a'\nexe = '/usr/bin/python3'\nargv = 'agent\\.py'\n\
             [zones]\nshop = ['10.77.40.0/24', '10.77.41.0/24']\nold = ['10.77.20.0/24']\n",
        )
        .unwrap();
        assert_eq!(
            config,
            Config {
                short_lived_s: 900,
                ring_bytes: Some(1_048_576),
                payload_bytes: Some(4096),
                tls_library: true,
                retention_days: Some(30),
                agents: AgentRules {
                    rules: vec![AgentRule {
                        name: "a".into(),
                        exe: Some("/usr/bin/python3".into()),
                        argv: regex_lite::Regex::new("agent\\.py").ok(),
                        ..AgentRule::default()
                    }],
                    ..AgentRules::default()
                },
                labels: Labels::default(),
                callers: CallerLists::default(),
                webhook: None,
                stale_after: SignedDuration::from_secs(60),
                terms: Terms { short_lived_s: 900, ..Terms::default() },
            }
        );
        assert_eq!(idle, ["[zones]", "[limits] memory_bytes"]);
    }

    #[test]
    fn model_endpoints_take_effect_by_their_host() {
        let text = "[[model_endpoint]]\nhost = 'gateway.lab'\n";
        let (config, idle) = outcome(text).unwrap();
        assert_eq!((config.agents.model_endpoints, idle), (vec!["gateway.lab".to_owned()], vec![]));
        let (_, idle) = outcome(&format!("{text}path = '/v1'\n")).unwrap();
        assert_eq!(idle, ["[[model_endpoint]] path"]);
    }

    #[test]
    fn named_callers_take_effect() {
        let text = "[[named_caller]]\nlistener = '10.0.0.1:443'\ncallers = ['spiffe://lab/a']\nworkloads = ['batch']\n";
        let (config, idle) = outcome(text).unwrap();
        let list = config.callers.lists.first().unwrap();
        assert!(idle.is_empty());
        assert_eq!(list.listener, "10.0.0.1:443");
        assert!(list.identities.contains("spiffe://lab/a") && list.workloads.contains("batch"));
        assert!(complaint("[[named_caller]]\nlistener = 'x'\n").contains("needs callers"));
        assert!(complaint("[[named_caller]]\nlistener = 'x'\nworkloads = []\n").contains("is empty"));
    }

    #[test]
    fn a_webhook_takes_effect() {
        let text =
            "[webhook]\nurl = 'http://127.0.0.1:9000/x'\ntoken_file = '/etc/tierzero/token'\ntimeout_s = 2\n";
        let (config, idle) = outcome(text).unwrap();
        let webhook = config.webhook.unwrap();
        assert!(idle.is_empty());
        assert_eq!(webhook.token_file.as_deref(), Some(Path::new("/etc/tierzero/token")));
        assert_eq!(webhook.timeout, Duration::from_secs(2));
    }

    #[test]
    fn owners_take_effect() {
        let (config, idle) = outcome(
            "[limits]\ndormant_s = 60\nowner_stale_days = 30\n[[owner]]\nprincipal = 'etl'\nowner = 'BI'\n\
             confirmed_on = '2022-01-31'\ngone_on = '2026-01-01'\n[[owner]]\nworkload = 'app1'\nowner = 'Shop'\n",
        )
        .unwrap();
        assert!(idle.is_empty());
        let Terms { owners, short_lived_s: _, dormant_s, owner_stale_days } = config.terms;
        assert_eq!((dormant_s, owner_stale_days), (60, 30));
        assert_eq!(owners[0].of, Owned::Principal("etl".to_owned()));
        assert_eq!(owners[0].confirmed_on.unwrap().to_string(), "2022-01-31");
        assert_eq!(owners[0].gone_on.unwrap().to_string(), "2026-01-01");
        assert_eq!(owners[1].of, Owned::Workload("app1".to_owned()));
    }

    #[test]
    fn every_complaint_names_line_and_key() {
        for (text, line, part) in [
            ("[limits]\nshort_lived = 1\n", 2, "short_lived"),
            ("\n\n[limit]\n", 3, "limit"),
            ("[limits]\nshort_lived_s = 0\n", 2, "short_lived_s"),
            ("[limits]\nring_bytes = 100000\n", 2, "power of two"),
            ("[limits]\nring_bytes = -1\n", 2, "ring_bytes"),
            ("[[agent]]\nname = 'a'\nargv = '('\n", 3, "argv"),
            ("[[agent]]\nname = 'a'\n", 2, "at least one"),
            ("[[agent]]\nname = ''\nuid = 1\n", 2, "empty"),
            ("[[agent]]\nname = 'a'\nuid = 1\n[[agent]]\nname = 'a'\nuid = 2\n", 5, "line above"),
            ("[[agent]]\nname = 'a'\nuid = 1\n[[agent]]\nname = 'b'\nuid = 1\n", 5, "same processes"),
            ("[[agent]]\nname = 'a'\nenv = ['K=secret']\n", 3, "names only"),
            ("[[legacy]]\nport = 70000\n", 2, "port"),
            ("[[legacy]]\naddress = 'here'\n", 2, "address"),
            ("[[legacy]]\nport = 1\n[[modern]]\nport = 1\n", 4, "also"),
            ("[[owner]]\nowner = 'x'\n", 2, "principal"),
            ("[[owner]]\nprincipal = 'p'\nowner = 'x'\nconfirmed_on = 'last week'\n", 4, "confirmed_on"),
            ("[[owner]]\nprincipal = 'p'\nowner = 'x'\ngone_on = 'soon'\n", 4, "gone_on"),
            ("[limits]\ndormant_s = 0\n", 2, "dormant_s"),
            ("[webhook]\nurl = 'https://10.0.0.1/MARK'\n", 2, "loopback"),
            ("[webhook]\nurl = 'http://[::1]:9/'\ntoken_file = 'MARK'\n", 3, "never the token"),
            ("[webhook]\nurl = 'http://[::1]:9/'\ntimeout_s = 0\n", 3, "timeout_s"),
            ("[zones]\na = ['10.0.0.0/33']\n", 2, "prefix"),
            ("[zones]\na = ['10.0.0.0/8']\nb = ['10.1.0.0/16']\n", 3, "overlaps"),
            ("a = \n", 1, ""),
        ] {
            let complaint = complaint(text);
            assert!(complaint.contains(&format!("t.toml:{line}\"")), "{text:?}: {complaint}");
            assert!(complaint.contains(part), "{text:?}: {complaint}");
        }
    }
}
