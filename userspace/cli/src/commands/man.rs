//! `tierzero man [DIR]`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_mangen::Man as Page;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use crate::arguments::Arguments;
use crate::error::{Failure, Outcome};
use crate::output::colour;

/// Sections and keys of the configuration, for the main page.
const CONFIGURATION: &[(&str, &str)] = &[
    (
        "[limits]",
        "short_lived_s (longest lifetime in seconds of a credential that counts as short-lived, default 3600), ring_bytes (kernel ring for payload, a power of two), payload_bytes (kept of each direction of a flow until it is judged), retention_days (what was last seen longer ago is forgotten), dormant_s (a principal not used for so long is dormant, default 7776000), stale_s (a finding without evidence for so long is marked stale, default 2592000), owner_stale_days (an owner confirmed longer ago is stale, default 365), memory_bytes (no effect yet).",
    ),
    (
        "[observe]",
        "tls_library (true looks inside TLS through the receivers' OpenSSL or GnuTLS, as --tls-library does; default false).",
    ),
    (
        "[[agent]]",
        "name, and any of exe, argv (regular expression), unit, cgroup, uid, netns, env (names of variables); every key that is given must fit. What such a process starts is part of the agent, until a boundary of lineage (sudo, su, doas, pkexec, cron, at, a systemd unit).",
    ),
    (
        "[[legacy]], [[modern]]",
        "address (of the host's own, or a path, or @name), port, unit, exe of listeners; all that is given must fit. Legacy is taken at its word. Modern fills in what was not observed and hides nothing that was: a listener that served somebody for a place, a shared secret or in a way that could not be read keeps its class, and says so. Read when observe starts.",
    ),
    (
        "[[owner]]",
        "principal (a name; a certificate's common name or a token's subject is enough; KIND:NAME for one kind alone) or workload, owner, confirmed_on (date), gone_on (date from which it is meant to be out of use). A verified name that the list lacks is the finding owner-missing, one that is used after it is gone leaver-used; where workloads are named, an edge between others is unmapped-edge. Read when observe starts, and by report.",
    ),
    (
        "[[named_caller]]",
        "listener (id, address:port, path, or the name of its workload), and callers (names of which the listener must have accepted proof), workloads (where callers may sit, which proves nothing), or both. Who else is served there is the finding unlisted-caller. `tierzero callers --freeze` writes it. Read when observe starts.",
    ),
    (
        "[[model_endpoint]]",
        "host: a name under which models are called, beside the list that comes with the program; what a caller names in TLS (server_name) is compared, and *. in front stands for one label or more. One such call alone makes nothing an agent. path: no effect yet.",
    ),
    (
        "[webhook]",
        "url (http to a loopback address: what takes findings further, with TLS, listens there), token_file (absolute path of a file, closed to others, with a bearer token; read for each request), timeout_s (1 to 60, default 5). Each new finding, and each turn that evidence gives to one, is a POST of its JSON line, as observe --json prints it. These calls are edges of the graph like any other. 1024 wait at most; what did not arrive is counted and told. Redirections are not followed.",
    ),
    ("[zones]", "a name for each list of address ranges. No effect yet."),
];

/// Print the manual page, or write one page per command into a directory
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero man | man -l -
  sudo tierzero man /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Directory to write tierzero.1, tierzero-observe.1, ... into; made if it is not there
    dir: Option<PathBuf>,
}

impl Man {
    /// Prints or writes the pages.
    pub(crate) fn run(&self) -> Outcome {
        match &self.dir {
            None => {
                let mut out = colour::stdout();
                out.write_all(&main_page()?)?;
                Ok(out.flush()?)
            }
            Some(dir) => write_pages(dir),
        }
    }
}

fn main_page() -> Outcome<Vec<u8>> {
    let mut page = Vec::new();
    Page::new(Arguments::command()).render(&mut page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["CONFIGURATION"]);
    roff.text([roman(
        "TOML. An unknown key, a bad regular expression or an overlap is an error that names file, line and key; \
         nothing starts half-configured.",
    )]);
    for (section, keys) in CONFIGURATION {
        roff.control("TP", []);
        let title: Inline = bold(*section);
        roff.text([title]);
        roff.text([roman(*keys)]);
    }
    roff.to_writer(&mut page)?;
    Ok(page)
}

fn write_pages(dir: &Path) -> Outcome {
    let failed = |path: &Path, error: std::io::Error| {
        Failure::new("the manual pages can't be written")
            .at_file(path)
            .because(error)
            .next("name a directory that you may write to")
    };
    std::fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    let mut pages = vec![("tierzero.1".to_owned(), main_page()?)];
    let mut command = Arguments::command();
    command.build();
    for verb in command.get_subcommands() {
        let name = format!("tierzero-{}", verb.get_name());
        let mut page = Vec::new();
        Page::new(verb.clone().display_name(name.clone()).bin_name(name.replace('-', " ")))
            .render(&mut page)?;
        pages.push((format!("{name}.1"), page));
    }
    for (name, page) in pages {
        let path = dir.join(name);
        std::fs::write(&path, page).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
