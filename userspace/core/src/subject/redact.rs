//! Secrets on command lines: taken out where the line enters, so that no later stage can leak them.
//!
//! Conservative: where a word looks like a secret it goes, even if it was none. Copies that are only compared are wiped.

use zeroize::{Zeroize as _, Zeroizing};

/// What stands where a secret stood.
const REDACTED: &str = "[redacted]";

/// Ends of option and variable names whose value is a secret (compared in lower case, `-` as `_`).
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "access_key",
    "auth",
    "authorization",
    "credential",
    "credentials",
    "private_key",
    "_key",
    "requirepass",
    "masterauth",
    "bearer",
    "cookie",
    "userpass",
    "proxy_user",
];

/// Programs and the short option that takes a password as the next word.
const NEXT_WORD: &[(&str, &str)] = &[
    ("redis-cli", "-a"),
    ("curl", "-u"),
    ("curl", "-U"),
    ("curl", "-b"),
    ("sshpass", "-p"),
    ("ldapsearch", "-w"),
    ("mongo", "-p"),
    ("mongosh", "-p"),
    ("kinit", "-p"),
    ("smbclient", "-U"),
    ("mosquitto_pub", "-P"),
    ("mosquitto_sub", "-P"),
    ("rabbitmqadmin", "-p"),
    ("cqlsh", "-p"),
    ("ipmitool", "-P"),
    ("snmpget", "-c"),
    ("snmpwalk", "-c"),
    ("snmpget", "-A"),
    ("snmpwalk", "-A"),
];

/// Programs and the short option that carries a password in the same word.
const SAME_WORD: &[(&str, &str)] = &[
    ("mysql", "-p"),
    ("mysqldump", "-p"),
    ("mysqladmin", "-p"),
    ("mariadb", "-p"),
    ("mariadb-dump", "-p"),
    ("redis-cli", "-a"),
    ("sshpass", "-p"),
    ("curl", "-u"),
    ("7z", "-p"),
];

/// Takes the secrets out of a command line.
pub fn argv(words: &mut [String]) {
    let mut programs: Vec<Zeroizing<String>> = Vec::new();
    let mut next_is_secret = false;
    for (place, word) in words.iter_mut().enumerate() {
        if next_is_secret {
            word.zeroize();
            REDACTED.clone_into(word);
            next_is_secret = false;
            continue;
        }
        let bare = Zeroizing::new(base_name(word).to_owned());
        if place > 0 {
            next_is_secret = takes_secret(&programs, word);
            let said = same_word(&programs, word).or_else(|| (!next_is_secret).then(|| text(word)));
            if let Some(said) = said {
                word.zeroize();
                *word = said;
            }
        }
        programs.push(bare);
    }
}

/// True when the word after this one is a secret. `programs` are the words before: `sudo -u x redis-cli -a SECRET`.
fn takes_secret(programs: &[Zeroizing<String>], word: &str) -> bool {
    let runs = |name: &str| programs.iter().any(|program| program.as_str() == name);
    if let Some(name) = word.strip_prefix("--") {
        return !name.contains('=') && is_secret_name(name);
    }
    if word.eq_ignore_ascii_case("auth") && runs("redis-cli") {
        return true;
    }
    let single_dash = word.len() > 2 && word.starts_with('-') && !word.contains('=');
    NEXT_WORD.iter().any(|(name, option)| *option == word && runs(name))
        || (single_dash && is_secret_name(word.trim_start_matches('-')))
}

/// A short option with its secret behind it in one word.
fn same_word(programs: &[Zeroizing<String>], word: &str) -> Option<String> {
    let (_, option) = SAME_WORD.iter().find(|(name, option)| {
        word.len() > option.len()
            && word.starts_with(option)
            && programs.iter().any(|program| program.as_str() == *name)
    })?;
    Some(format!("{option}{REDACTED}"))
}

/// Takes the secrets out of one piece of text: assignments, addresses with a password, headers, bearers.
#[must_use]
pub fn text(word: &str) -> String {
    if word.contains("-----BEGIN") {
        return REDACTED.to_owned();
    }
    if word.chars().any(char::is_whitespace) {
        return sentence(word);
    }
    single(word)
}

/// Text with white space: a shell command, a header, a connection string. Judged word by word.
fn sentence(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut programs: Vec<Zeroizing<String>> = Vec::new();
    let mut next_is_secret = false;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let gap = piece.get(word.len()..).unwrap_or_default();
        let bare = word.trim_matches(['"', '\'']);
        if bare.is_empty() {
            out.push_str(piece);
            continue;
        }
        // A scheme of an authorization header: what follows is the credential.
        let scheme = ["bearer", "basic", "negotiate", "digest", "token", "apikey"]
            .iter()
            .any(|scheme| bare.eq_ignore_ascii_case(scheme));
        if scheme {
            out.push_str(word);
            next_is_secret = true;
        } else if next_is_secret {
            out.push_str(REDACTED);
            next_is_secret = false;
        } else if let Some(redacted) = same_word(&programs, bare) {
            out.push_str(&redacted);
        } else {
            let name = bare.trim_start_matches('-').trim_end_matches(':');
            // `--password x`, `X-Api-Key: x`, `AUTH x`, `PASSWORD x`
            next_is_secret = takes_secret(&programs, bare)
                || (!bare.contains('=') && is_secret_name(name) && !name.contains(['/', ':', '@']));
            if next_is_secret { out.push_str(word) } else { out.push_str(&single(word)) }
        }
        programs.push(Zeroizing::new(base_name(bare).to_owned()));
        out.push_str(gap);
    }
    out
}

/// One word without white space.
fn single(word: &str) -> String {
    if let Some(redacted) = web_address(word) {
        return redacted;
    }
    if let Some((name, value)) = word.split_once('=') {
        let bare = name.rsplit(['?', '&', ';', ',', '"', '\'']).next().unwrap_or(name);
        if !value.is_empty() && is_secret_name(bare.trim_start_matches('-')) {
            return format!("{name}={REDACTED}");
        }
        let inner = single(value);
        if inner != value {
            return format!("{name}={inner}");
        }
    }
    if let Some((name, value)) = word.split_once(':') {
        let bare = name.trim_matches(['"', '\'', '{', ',']);
        if !value.is_empty() && !value.starts_with('/') && is_secret_name(bare) {
            return format!("{name}:{REDACTED}");
        }
    }
    if is_bearer(word) { REDACTED.to_owned() } else { word.to_owned() }
}

/// `scheme://user:pass@host/...` and secrets in its query.
fn web_address(word: &str) -> Option<String> {
    let (scheme, rest) = word.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end)?;
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:{REDACTED}@{host}"),
            None if is_bearer(user) => format!("{REDACTED}@{host}"),
            None => authority.to_owned(),
        },
        None => authority.to_owned(),
    };
    let tail = match tail.split_once('?') {
        Some((path, query)) => {
            let query: Vec<String> = query
                .split('&')
                .map(|pair| match pair.split_once('=') {
                    Some((name, _)) if is_secret_name(name) || name.eq_ignore_ascii_case("sig") => {
                        format!("{name}={REDACTED}")
                    }
                    Some((name, value)) if is_bearer(value) => format!("{name}={REDACTED}"),
                    Some(_) | None => pair.to_owned(),
                })
                .collect();
            format!("{path}?{}", query.join("&"))
        }
        None => tail.to_owned(),
    };
    // A secret name before the scheme (`PASSWORD=ldap://...`) is judged by the caller's assignment rule first.
    let scheme = match scheme.split_once('=') {
        Some((name, _)) if is_secret_name(name.trim_start_matches('-')) => {
            return Some(format!("{name}={REDACTED}"));
        }
        Some(_) | None => scheme,
    };
    Some(format!("{scheme}://{authority}{tail}"))
}

fn is_secret_name(name: &str) -> bool {
    let name = Zeroizing::new(Zeroizing::new(name.to_ascii_lowercase()).replace(['-', '.'], "_"));
    // A name of a file or a count is no secret: `--password-file`, `token_count`.
    SECRET_NAMES.iter().any(|ending| {
        name.as_str() == ending.trim_start_matches('_') && *ending != "_key"
            || (name.ends_with(ending)
                && (ending.starts_with('_') || ending.len() >= 5 || name.ends_with(&format!("_{ending}"))))
    })
}

/// Words with the shape of a bearer: JSON Web Tokens and the prefixes that issuers publish.
fn is_bearer(word: &str) -> bool {
    let word = word.trim_matches(['"', '\'', ',', ';']);
    const PREFIXES: &[&str] = &[
        "sk-",
        "ghp_",
        "gho_",
        "ghs_",
        "ghu_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "xoxa-",
        "hvs.",
        "AKIA",
        "ASIA",
        "AIza",
        "npm_",
        "pypi-",
        "dop_v1_",
        "SG.",
        "ya29.",
    ];
    let long = word.len() >= 20;
    (long && PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        || (word.starts_with("eyJ") && word.len() >= 30 && word.matches('.').count() >= 2)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &[&str], expect: &[&str]) {
        let mut words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        argv(&mut words);
        assert_eq!(words, expect, "{line:?}");
    }

    #[test]
    fn secrets_go() {
        check(&["app", "--password=x1"], &["app", "--password=[redacted]"]);
        check(&["app", "--password", "x1", "-v"], &["app", "--password", "[redacted]", "-v"]);
        check(&["app", "--db-password=x1"], &["app", "--db-password=[redacted]"]);
        check(&["env", "PGPASSWORD=x1", "psql"], &["env", "PGPASSWORD=[redacted]", "psql"]);
        check(
            &["env", "GITHUB_TOKEN=x1", "AWS_SECRET_ACCESS_KEY=x2"],
            &["env", "GITHUB_TOKEN=[redacted]", "AWS_SECRET_ACCESS_KEY=[redacted]"],
        );
        check(
            &["env", "OPENAI_API_KEY=x1", "CLIENT_SECRET=x"],
            &["env", "OPENAI_API_KEY=[redacted]", "CLIENT_SECRET=[redacted]"],
        );
        check(
            &["/usr/bin/redis-cli", "-a", "x1", "PING"],
            &["/usr/bin/redis-cli", "-a", "[redacted]", "PING"],
        );
        check(&["redis-cli", "AUTH", "x1"], &["redis-cli", "AUTH", "[redacted]"]);
        check(&["redis-server", "--requirepass", "x1"], &["redis-server", "--requirepass", "[redacted]"]);
        check(&["mysql", "-u", "root", "-px1"], &["mysql", "-u", "root", "-p[redacted]"]);
        check(&["psql", "postgresql://u:x1@h:5432/d"], &["psql", "postgresql://u:[redacted]@h:5432/d"]);
        check(
            &["psql", "host=h user=u password=x1 dbname=d"],
            &["psql", "host=h user=u password=[redacted] dbname=d"],
        );
        check(&["psql", "password=x1 host=h"], &["psql", "password=[redacted] host=h"]);
        check(
            &["curl", "-H", "Authorization: Bearer abc"],
            &["curl", "-H", "Authorization: Bearer [redacted]"],
        );
        check(&["curl", "-H", "X-Api-Key: abc"], &["curl", "-H", "X-Api-Key: [redacted]"]);
        check(&["curl", "-u", "me:x1", "http://h/"], &["curl", "-u", "[redacted]", "http://h/"]);
        check(&["curl", "http://h/?token=x1&page=2"], &["curl", "http://h/?token=[redacted]&page=2"]);
        check(&["sh", "-c", "PGPASSWORD=x1 psql -h db"], &["sh", "-c", "PGPASSWORD=[redacted] psql -h db"]);
        check(&["sh", "-c", "redis-cli --pass x1 get k"], &["sh", "-c", "redis-cli --pass [redacted] get k"]);
        check(&["sh", "-c", "redis-cli -a x1 get k"], &["sh", "-c", "redis-cli -a [redacted] get k"]);
        check(&["sudo", "redis-cli", "-a", "x1"], &["sudo", "redis-cli", "-a", "[redacted]"]);
        check(&["app", "--dsn=redis://:x1@h/0"], &["app", "--dsn=redis://:[redacted]@h/0"]);
        check(&["app", "ghp_0123456789abcdefghij"], &["app", "[redacted]"]);
        check(&["app", "{\"password\":\"x1\"}"], &["app", "{\"password\":[redacted]"]);
    }

    #[test]
    fn ordinary_words_stay() {
        for line in [
            &["nginx", "-g", "daemon off;"][..],
            &["python3", "-m", "http.server", "8080"],
            &["ssh", "-p", "22", "host"],
            &["app", "--keyspace=a", "--monkey", "see"],
            &["app", "--author", "ann"],
            &["app", "--compass", "north"],
            &["postgres", "-D", "/var/lib/postgresql", "-c", "port=5433"],
            &["curl", "https://h:8443/a?b=c"],
        ] {
            check(line, line);
        }
    }
}
