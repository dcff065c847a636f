//! The exact attempt: which program, called how, from where.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::is_wildcard;
use crate::event::ListenAddress;
use crate::evidence::PrincipalKind;
use crate::graph::{Edge, Listener, Snapshot, Workload};
use crate::id::{ListenerId, WorkloadId};
use crate::verdict::{Attack, Check};

/// An attempt for an operator to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Whom it calls.
    pub listener: ListenerId,
    /// File name of the program that calls.
    pub program: &'static str,
    /// One line for a POSIX shell, run by root on the observed host.
    pub command: String,
    /// Where it has to come from, in a sentence; names from outside in it.
    pub place: String,
    /// What the operator has to put into the variable `CREDENTIAL`, where the attempt needs one.
    pub credential: Option<&'static str>,
}

/// Why there is no attempt.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoAttempt {
    /// Tries in number are a load.
    #[error("an unlimited number of tries is a load on the receiver: it is not prepared")]
    Load,
    /// No proxy.
    #[error("no backend behind this listener was seen, so there is nothing to go around")]
    NoBackend,
    /// Nobody knows how to call it.
    #[error("no attempt is known for {0}")]
    Protocol(String),
    /// The address that was called is not known.
    #[error("its listener is bound to every address, and the one that is called from there is not known")]
    Address,
    /// The caller's place is not one of this host.
    #[error("the caller's place is not on the observed host, or has no name")]
    Place,
    /// A name that no command line can hold.
    #[error("a name that the attempt would need can't be written on a command line")]
    Name,
}

/// A part of a command line.
enum Word {
    /// Quoted for the shell.
    Plain(String),
    /// As it is: names a variable.
    Raw(&'static str),
}

/// Prepares the attempt of `attack` on `edge`; `address` is where to call a listener that is bound to every address.
///
/// # Errors
/// [`NoAttempt`] with the reason.
pub fn attempt(
    snapshot: &Snapshot,
    edge: &Edge,
    attack: Attack,
    address: Option<IpAddr>,
) -> Result<Attempt, NoAttempt> {
    let listener = |id: &ListenerId| snapshot.listeners.iter().find(|it| it.id == *id);
    let workload = |id: &WorkloadId| snapshot.workloads.iter().find(|it| it.id == *id);
    let target = match attack {
        Attack::Grind => return Err(NoAttempt::Load),
        Attack::GoAround => {
            let wrap =
                snapshot.wraps.iter().find(|it| it.front == edge.listener || it.backend == edge.listener);
            listener(&wrap.ok_or(NoAttempt::NoBackend)?.backend)
        }
        Attack::StandIn | Attack::Replay | Attack::Outlive => listener(&edge.listener),
    };
    let (target, caller) = target.zip(workload(&edge.caller)).ok_or(NoAttempt::Place)?;
    let credential = match attack {
        Attack::StandIn | Attack::GoAround | Attack::Grind => None,
        Attack::Replay => {
            Some("the credential that the caller shows, as it stands on the wire or in its file")
        }
        Attack::Outlive => {
            Some("a credential of the caller whose purpose has ended: expired, or of one who left")
        }
    };
    let owner = workload(&target.workload);
    let address = called(target, caller, owner, address)?;
    let mut words = Vec::new();
    let place = if attack == Attack::Replay {
        format!("from another network namespace or host than that of {}", caller.name)
    } else {
        words.extend(enter(caller)?);
        format!("from the place of {}", caller.name)
    };
    let (program, call) = calls(target, edge, address, credential.is_some())?;
    // Variables in front of the program that reads them.
    words.extend(call);
    let mut command = String::new();
    for word in &words {
        if !command.is_empty() {
            command.push(' ');
        }
        match word {
            Word::Plain(text) => command.push_str(&quoted(text)?),
            Word::Raw(text) => command.push_str(text),
        }
    }
    Ok(Attempt { listener: target.id.clone(), program, command, place, credential })
}

/// Where a caller reaches a listener.
fn called(
    target: &Listener,
    caller: &Workload,
    owner: Option<&Workload>,
    given: Option<IpAddr>,
) -> Result<Option<(IpAddr, u16)>, NoAttempt> {
    let at = match &target.at {
        ListenAddress::Tcp { address } | ListenAddress::Udp { address } => *address,
        ListenAddress::Unix { .. } => return Ok(None),
    };
    if !is_wildcard(&target.at) {
        return Ok(Some((at.ip(), at.port())));
    }
    let same =
        owner.is_some_and(|it| it.netns.is_some() && it.netns == caller.netns && it.host == caller.host);
    let loopback =
        if at.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
    let ip = given.or(same.then_some(loopback)).ok_or(NoAttempt::Address)?;
    Ok(Some((ip, at.port())))
}

/// What puts a program where a caller sits: its network namespace and its user.
fn enter(caller: &Workload) -> Result<Vec<Word>, NoAttempt> {
    let mut words = Vec::new();
    match caller.netns_name.as_deref() {
        _ if caller.host.is_none() => return Err(NoAttempt::Place),
        Some("host") => {}
        Some(name) if !name.contains('/') => {
            words.extend(["nsenter", &format!("--net=/run/netns/{name}"), "--"].map(plain));
        }
        Some(_) | None => return Err(NoAttempt::Place),
    }
    if let Some(uid) = caller.uid.filter(|it| *it != 0) {
        words.extend(["setpriv", &format!("--reuid={uid}"), "--clear-groups", "--"].map(plain));
    }
    Ok(words)
}

fn plain(text: &str) -> Word {
    Word::Plain(text.to_owned())
}

/// The client of a protocol, asked for as little as shows whether the receiver serves.
fn calls(
    target: &Listener,
    edge: &Edge,
    address: Option<(IpAddr, u16)>,
    with: bool,
) -> Result<(&'static str, Vec<Word>), NoAttempt> {
    let protocol = target.protocol.as_deref().or(edge.protocol.as_deref()).unwrap_or("an unknown protocol");
    let unknown = || NoAttempt::Protocol(protocol.to_owned());
    let (ip, port) = address.ok_or_else(unknown)?;
    let (host, port) = (ip.to_string(), port.to_string());
    let url = if ip.is_ipv6() { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let inside = edge.evidence.iter().any(|it| it.rule.starts_with("tls")) || edge.check == Check::Key;
    let role = edge
        .principals
        .iter()
        .find(|it| matches!(it.principal.kind, PrincipalKind::Role | PrincipalKind::User));
    let role = role.map(|it| it.principal.name.as_str());
    let tls = |words: &mut Vec<Word>, flags: &[&str]| {
        if inside {
            words.extend(flags.iter().map(|it| plain(it)));
        }
    };
    let mut words = Vec::new();
    let variable = |words: &mut Vec<Word>, assignment: &'static str| {
        if with {
            words.push(plain("env"));
            words.push(Word::Raw(assignment));
        }
    };
    let program = match protocol {
        "http" | "http2" | "grpc" | "tls" => {
            words.extend(
                ["curl", "-q", "-sS", "-k", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}\\n"]
                    .map(plain),
            );
            if with {
                words.extend([plain("-H"), Word::Raw("\"Authorization: Bearer $CREDENTIAL\"")]);
            }
            words.push(plain(&format!("{}://{url}/", if inside { "https" } else { "http" })));
            "curl"
        }
        "redis" => {
            variable(&mut words, "REDISCLI_AUTH=\"$CREDENTIAL\"");
            words.extend(["redis-cli", "-h", &host, "-p", &port].map(plain));
            tls(&mut words, &["--tls", "--insecure"]);
            words.extend(["GET", "tierzero-drill"].map(plain));
            "redis-cli"
        }
        "postgresql" => {
            variable(&mut words, "PGPASSWORD=\"$CREDENTIAL\"");
            words.extend(["psql", "-X", "-w", "-h", &host, "-p", &port, "-d", "postgres"].map(plain));
            words.extend(["-U", role.unwrap_or("postgres"), "-c", "SELECT 1"].map(plain));
            "psql"
        }
        "mysql" => {
            variable(&mut words, "MYSQL_PWD=\"$CREDENTIAL\"");
            words.extend(["mysql", "-h", &host, "-P", &port, "-u", role.unwrap_or("root")].map(plain));
            words.extend(["-e", "SELECT 1"].map(plain));
            "mysql"
        }
        "ssh" if !with => {
            words.extend(
                ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"].map(plain),
            );
            words.extend(["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentityFile=none", "-o"].map(plain));
            words.extend(
                ["IdentityAgent=none", "-p", &port, "-l", role.unwrap_or("root"), &host, "true"].map(plain),
            );
            "ssh"
        }
        "mqtt" if !with => {
            words.extend(["mosquitto_sub", "-h", &host, "-p", &port, "-t", "tierzero/drill"].map(plain));
            words.extend(["-E", "-W", "5"].map(plain));
            "mosquitto_sub"
        }
        "ldap" if !with => {
            words.extend(
                ["ldapsearch", "-x", "-H", &format!("ldap://{url}"), "-s", "base", "-b", ""].map(plain),
            );
            "ldapsearch"
        }
        _ => return Err(unknown()),
    };
    Ok((program, words))
}

/// One word of a POSIX shell, whatever is in it.
fn quoted(text: &str) -> Result<String, NoAttempt> {
    if text.chars().any(|it| it.is_control() || !it.is_ascii() && !it.is_alphanumeric()) {
        return Err(NoAttempt::Name);
    }
    let simple = |it: char| it.is_ascii_alphanumeric() || "-_./:=@%+,[]".contains(it);
    if !text.is_empty() && text.chars().all(simple) && !text.contains('[') {
        return Ok(text.to_owned());
    }
    Ok(format!("'{}'", text.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_name_stays_one_word_of_the_shell_or_is_refused() {
        assert_eq!(quoted("app_rw").as_deref(), Ok("app_rw"));
        assert_eq!(quoted("").as_deref(), Ok("''"));
        assert_eq!(quoted("a b; rm -r $HOME `id`").as_deref(), Ok("'a b; rm -r $HOME `id`'"));
        assert_eq!(quoted("it's").as_deref(), Ok("'it'\\''s'"));
        for name in ["a\nb", "\u{1b}[2J", "\u{202e}x", "a\0"] {
            assert!(quoted(name).is_err(), "{name:?}");
        }
    }
}
