//! Debian's programs with a configuration of our own, each in its own directory and namespace.

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::program::{self, Program};
use super::scenario::{Lab, Need};
use super::wait;

/// Where Debian keeps PostgreSQL 15.
const POSTGRES: &str = "/usr/lib/postgresql/15/bin";

/// PostgreSQL and its client.
pub(crate) const POSTGRESQL: [Need; 2] = [
    ("/usr/lib/postgresql/15/bin/initdb", "postgresql-15"),
    ("/usr/lib/postgresql/15/bin/psql", "postgresql-client-15"),
];
/// Redis.
pub(crate) const REDIS: Need = ("/usr/bin/redis-server", "redis-server");
/// Its client.
pub(crate) const REDIS_CLIENT: Need = ("/usr/bin/redis-cli", "redis-tools");
/// nftables, for address translation.
pub(crate) const NFT: Need = ("/usr/sbin/nft", "nftables");
/// Python.
pub(crate) const PYTHON: Need = ("/usr/bin/python3", "python3");
/// socat.
pub(crate) const SOCAT: Need = ("/usr/bin/socat", "socat");
/// nginx.
pub(crate) const NGINX: Need = ("/usr/sbin/nginx", "nginx");
/// mosquitto, an MQTT broker.
pub(crate) const MOSQUITTO: Need = ("/usr/sbin/mosquitto", "mosquitto");
/// A client of it.
pub(crate) const MOSQUITTO_PUB: Need = ("/usr/bin/mosquitto_pub", "mosquitto-clients");
/// memcached.
pub(crate) const MEMCACHED: Need = ("/usr/bin/memcached", "memcached");
/// nats-server.
pub(crate) const NATS: Need = ("/usr/sbin/nats-server", "nats-server");
/// OpenSSH's server.
pub(crate) const SSHD: Need = ("/usr/sbin/sshd", "openssh-server");
/// Its client.
pub(crate) const SSH: Need = ("/usr/bin/ssh", "openssh-client");
/// OpenSSL's command.
pub(crate) const OPENSSL: Need = ("/usr/bin/openssl", "openssl");
/// Python's virtual environments.
pub(crate) const VENV: Need = ("/usr/lib/python3.11/ensurepip/__init__.py", "python3-venv");
/// OpenLDAP's server. Debian's is linked with GnuTLS.
pub(crate) const SLAPD: Need = ("/usr/sbin/slapd", "slapd");
/// A client of it.
pub(crate) const LDAPSEARCH: Need = ("/usr/bin/ldapsearch", "ldap-utils");
/// curl.
pub(crate) const CURL: Need = ("/usr/bin/curl", "curl");

/// A program of PostgreSQL itself: Debian's `/usr/bin/psql` is a Perl script that runs this one.
pub(crate) fn postgres(name: &str) -> String {
    format!("{POSTGRES}/{name}")
}

/// Makes a directory that belongs to a user.
pub(crate) fn directory_of(user: &str, path: &Path) -> Result<(), String> {
    let place = path.display().to_string();
    let words = ["-d", "-o", user, "-g", program::group_of(user), "-m", "0755", &place];
    program::run(program::command(None, None, "install", &words), "")?.well("install -d").map(|_| ())
}

/// A PostgreSQL cluster, not yet running.
pub(crate) struct Cluster {
    name: String,
    place: PathBuf,
}

impl Cluster {
    /// Makes a cluster with these lines in `pg_hba.conf` and these statements done. No connection is made: the
    /// statements run in single-user mode.
    pub(crate) fn make(lab: &Lab, name: &str, rules: &str, statements: &[String]) -> Result<Self, String> {
        let place = lab.directory().join(name);
        directory_of("postgres", &place)?;
        let files = place.join("files");
        let directory = files.display().to_string();
        let as_postgres = |program: &str, words: &[&str], input: &str| {
            let words: Vec<&str> = words.iter().copied().chain(["-D", &directory]).collect();
            let ended =
                program::run(program::command(None, Some("postgres"), &postgres(program), &words), input)?;
            ended.well(program)
        };
        as_postgres("initdb", &["-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions"], "")?;
        let mut input = statements.join("\n");
        input.push('\n');
        let ended = as_postgres("postgres", &["--single", "-F", "postgres"], &input)?;
        if ended.stderr.contains("ERROR") {
            return Err(format!("preparing {name}: {}", ended.stderr));
        }
        let hba = files.join("pg_hba.conf");
        std::fs::write(&hba, rules).map_err(|error| format!("{}: {error}", hba.display()))?;
        Ok(Self { name: name.to_owned(), place })
    }

    /// Its directory: Unix sockets are made in it.
    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    /// Starts it at an address, or on a Unix socket in its own directory when there is none.
    pub(crate) fn start(&self, lab: &Lab, role: &str, address: Option<&str>) -> Result<Program, String> {
        let files = self.place.join("files").display().to_string();
        let sockets = if address.is_some() { String::new() } else { self.place.display().to_string() };
        let settings = [
            format!("listen_addresses={}", address.unwrap_or_default()),
            format!("unix_socket_directories={sockets}"),
            "unix_socket_permissions=0777".to_owned(),
            "log_connections=on".to_owned(),
            "fsync=off".to_owned(),
            "max_connections=10".to_owned(),
            "shared_buffers=16MB".to_owned(),
        ];
        let server = postgres("postgres");
        let mut words = vec![server.as_str(), "-D", &files];
        words.extend(settings.iter().flat_map(|setting| ["-c", setting.as_str()]));
        let mut program = lab.daemon(&self.name, role, Some("postgres"), &words, Signal::INT)?;
        wait::until("PostgreSQL to be ready", wait::LIMIT, || {
            alive(&mut program, lab, &self.name)?;
            Ok(lab.logged(&self.name)?.contains("ready to accept connections"))
        })?;
        Ok(program)
    }
}

/// How a Redis is set up.
pub(crate) struct Redis<'a> {
    pub(crate) name: &'a str,
    pub(crate) address: &'a str,
    pub(crate) port: u16,
    pub(crate) password: Option<&'a str>,
    /// What `GET k` answers.
    pub(crate) value: &'a str,
}

impl Redis<'_> {
    /// Starts it, with `k` loaded from an append-only file, so that nobody has to connect and set it.
    pub(crate) fn start(&self, lab: &Lab, role: &str) -> Result<Program, String> {
        let Self { name, address, port, password, value } = self;
        let place = lab.directory().join(name);
        directory_of("nobody", &place)?;
        let load = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", value.len());
        // Redis 7 takes an append-only file of the old form in its directory as the base of the new form.
        lab.write(&format!("{name}/appendonly.aof"), &load, 0o644)?;
        let password = password.map(|secret| format!("requirepass {secret}\n")).unwrap_or_default();
        let configuration = format!(
            "bind {address}\nport {port}\nprotected-mode no\nsave \"\"\nappendonly yes\nappendfsync no\n\
             dir {}\nloglevel verbose\ndaemonize no\n{password}",
            place.display()
        );
        let file = lab.write(&format!("{name}.conf"), &configuration, 0o644)?;
        let words = ["/usr/bin/redis-server", &file];
        let mut program = lab.daemon(name, role, Some("nobody"), &words, Signal::TERM)?;
        listens(&mut program, lab, name, *port)?;
        Ok(program)
    }
}

/// Release of the Model Context Protocol's Python SDK whose clients begin a session with `initialize`.
pub(crate) const MCP_SESSION: &str = "1.30.0";
/// Release whose clients send requests that stand for themselves (revision 2026-07-28). Its servers know both.
pub(crate) const MCP_STATELESS: &str = "2.3.0";

/// How an error begins that means a scenario can't be run here, and not that it failed.
pub(crate) const SKIP: &str = "skip: ";

/// The Python of a virtual environment with this release of PyPI's `mcp`. It is made once and kept beside the
/// scenarios' directories; pip(1) needs the package index for that. Where the index can't be reached the error begins
/// with [`SKIP`], and it is not asked again.
pub(crate) fn mcp(version: &str) -> Result<String, String> {
    static UNREACHABLE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let place = std::env::temp_dir().join(format!("tz-mcp-{version}"));
    let python = place.join("bin/python").display().to_string();
    let whole = place.join("whole");
    if whole.exists() {
        return Ok(python);
    }
    if let Some(says) = UNREACHABLE.get() {
        return Err(says.clone());
    }
    let directory = place.display().to_string();
    let package = format!("mcp=={version}");
    let make = ["/usr/bin/python3", "-m", "venv", "--clear", &directory];
    let status = in_developers_place(&make, &PathBuf::from(format!("{}.venv.log", place.display())))?;
    if !status.success() {
        return Err(format!("{} ended with {status}", make.join(" ")));
    }
    let log = PathBuf::from(format!("{}.pip.log", place.display()));
    let install = [
        &python,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--retries",
        "1",
        "--timeout",
        "60",
        &package,
    ];
    let status = in_developers_place(&install, &log);
    if matches!(&status, Ok(status) if status.success()) {
        std::fs::write(&whole, version).map_err(|error| format!("{}: {error}", whole.display()))?;
        return Ok(python);
    }
    let said = std::fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    // pip's words for an index that does not answer; any other end is a failure.
    if status.is_err() || said.contains("connection broken by") || said.contains("Could not fetch URL") {
        let says = format!(
            "{SKIP}the Python package index gave no {package} (what pip said is in {})",
            log.display()
        );
        return Err(UNREACHABLE.get_or_init(|| says).clone());
    }
    Err(format!("{} ended otherwise than well: {said}", install.join(" ")))
}

/// Runs a command with the developer's environment: it says which package index and proxy to use.
fn in_developers_place(words: &[&str], log: &Path) -> Result<std::process::ExitStatus, String> {
    let (first, rest) = words.split_first().unwrap_or((&"false", &[]));
    let mut command = std::process::Command::new(first);
    command.args(rest);
    let mut running = Program::daemon(first, command, log, Signal::TERM)?;
    wait::value(&words.join(" "), wait::LIMIT * 10, || running.ended())
}

/// Makes a certificate for a server at `address`, signed by its own key; returns the files of the key and of the
/// certificate.
pub(crate) fn server_certificate(lab: &Lab, address: &str) -> Result<(String, String), String> {
    certificate_for(lab, address, &format!("IP:{address}"))
}

/// The same for a server with this subject and alternative name.
pub(crate) fn certificate_for(lab: &Lab, subject: &str, name: &str) -> Result<(String, String), String> {
    let place = |name: &str| lab.directory().join(name).display().to_string();
    let (key, certificate) = (place("server.key"), place("server.pem"));
    let (subject, name) = (format!("/CN={subject}"), format!("subjectAltName={name}"));
    let words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        .into_iter()
        .chain(["-days", "2", "-subj", &subject, "-addext", &name, "-keyout", &key, "-out", &certificate]);
    let words: Vec<&str> = words.collect();
    program::run(program::command(None, None, "openssl", &words), "")?.well("openssl req")?;
    Ok((key, certificate))
}

/// Starts nginx with a configuration for its `http` block.
pub(crate) fn nginx(lab: &Lab, role: &str, port: u16, servers: &str) -> Result<Program, String> {
    let place = lab.directory().join("nginx");
    directory_of("nobody", &place)?;
    let directory = place.display();
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("  {kind}_temp_path {directory}/{kind};\n"))
        .collect();
    let configuration = format!(
        "daemon off;\nworker_processes 1;\nuser nobody nogroup;\npid {directory}/nginx.pid;\n\
         error_log {directory}/error.log;\nevents {{}}\nhttp {{\n  access_log {directory}/access.log;\n{paths}\
         {servers}\n}}\n"
    );
    let file = lab.write("nginx.conf", &configuration, 0o644)?;
    let words = ["/usr/sbin/nginx", "-c", &file, "-e", "stderr"];
    let mut program = lab.daemon("nginx", role, None, &words, Signal::TERM)?;
    listens(&mut program, lab, "nginx", port)?;
    Ok(program)
}

/// Waits until a daemon listens on a TCP port of its namespace.
pub(crate) fn listens(program: &mut Program, lab: &Lab, name: &str, port: u16) -> Result<(), String> {
    wait::until(&format!("{name} to listen on port {port}"), wait::LIMIT, || {
        alive(program, lab, name)?;
        Ok(program::listening(program.pid()).contains(&port))
    })
}

/// Waits until a daemon listens at a path.
pub(crate) fn listens_at(program: &mut Program, lab: &Lab, name: &str, path: &Path) -> Result<(), String> {
    wait::until(&format!("{name} to listen at {}", path.display()), wait::LIMIT, || {
        alive(program, lab, name)?;
        Ok(program::listening_at(program.pid(), path))
    })
}

/// Waits until nobody is connected to a port any more: both ends of every flow are over.
pub(crate) fn quiet(program: &Program, port: u16) -> Result<(), String> {
    wait::until(&format!("connections to port {port} to end"), wait::LIMIT, || {
        Ok(program::connected(program.pid(), port) == 0)
    })
}

fn alive(program: &mut Program, lab: &Lab, name: &str) -> Result<(), String> {
    match program.ended()? {
        None => Ok(()),
        Some(status) => Err(format!("{name} ended with {status}: {}", lab.logged(name)?.trim())),
    }
}
