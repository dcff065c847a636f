//! `tierzero explain`.

use std::io::Write as _;

use clap::Args;
use jiff::Timestamp;
use tierzero_core::finding::Finding;
use tierzero_core::graph::routes::{Bridge, Limits, Routes};
use tierzero_core::graph::{Edge, Listener, Snapshot};

use crate::arguments::Global;
use crate::error::{Failure, Outcome};
use crate::output::index::Index;
use crate::output::{colour, coverage, explanation, found, walk};
use crate::{config, stored};

/// How many latest flows are shown.
const FLOWS: u32 = 8;
/// How many candidates of an ambiguous id are shown.
const CANDIDATES: usize = 8;

/// Walk one edge, listener, finding or path back to its evidence
///
/// What was demanded, offered and decided; by which rules, and what those rules do not show; what was not seen;
/// what would change the verdict; how it changed; the latest flows. Of a finding: its rule, where it stands in the
/// published frameworks, the evidence of its edges, what ends it, and who decided what about it. Of
/// a path: each hop, how firmly one follows from the other, and what stands against five attempts.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero explain e-3f2a90bc11d2e47a     an edge
  tierzero explain e-3f2a                 the beginning of an id is enough
  tierzero explain l-77                   a listener: who called it, and how each was judged
  tierzero explain f-91                   a finding
  tierzero explain b-51                   a path of an agent")]
pub(crate) struct Explain {
    /// Id of an edge (e-...), listener (l-...), finding (f-...) or path (b-...), or its beginning
    id: String,
}

impl Explain {
    /// Explains.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let store = stored::read_only(global)?;
        let snapshot =
            store.snapshot().map_err(|error| stored::failure("the graph can't be read", &error))?;
        let mut out = colour::stdout();
        let index = Index::new(&snapshot);
        match self.subject(&snapshot)? {
            Subject::Edge(edge) => {
                let flows = store
                    .flows_of_edge(&edge.id, FLOWS)
                    .map_err(|error| stored::failure("the flows of the edge can't be read", &error))?;
                explanation::edge(&mut out, &snapshot, &index, edge, &flows)?;
                let terms = config::load(global.config.as_deref())?.terms;
                walk::edge_grid(&mut out, &snapshot, &edge.id, &terms)?;
            }
            Subject::Listener(listener) => explanation::listener(&mut out, &snapshot, &index, listener)?,
            Subject::Finding(finding) => {
                let stale_after = config::load(global.config.as_deref())?.stale_after;
                found::tell(&mut out, &snapshot, &index, finding, Timestamp::now(), stale_after)?;
            }
            Subject::Path(bridge) => {
                let terms = config::load(global.config.as_deref())?.terms;
                walk::path(&mut out, &snapshot, &index, &bridge, &terms)?;
            }
        }
        writeln!(out)?;
        coverage::footer(&mut out, &snapshot)?;
        Ok(out.flush()?)
    }

    fn subject<'s>(&self, snapshot: &'s Snapshot) -> Outcome<Subject<'s>> {
        let id = self.id.trim();
        let edges = snapshot.edges.iter().filter(|edge| edge.id.as_str().starts_with(id)).map(Subject::Edge);
        let listeners = snapshot
            .listeners
            .iter()
            .filter(|listener| listener.id.as_str().starts_with(id))
            .map(Subject::Listener);
        let findings =
            snapshot.findings.iter().filter(|it| it.id.as_str().starts_with(id)).map(Subject::Finding);
        // Paths are worked out only where one is asked for.
        let paths =
            if id.starts_with("b-") { Routes::of(snapshot).bridges(Limits::default()).0 } else { Vec::new() };
        let paths = paths.into_iter().filter(|path| path.id.as_str().starts_with(id));
        let paths = paths.map(|path| Subject::Path(Box::new(path)));
        let mut found: Vec<Subject<'s>> = edges.chain(listeners).chain(findings).chain(paths).collect();
        if let Some(exact) = found.iter().position(|subject| subject.id() == id) {
            return Ok(found.swap_remove(exact));
        }
        match found.len() {
            0 => Err(Failure::new(format!(
                "no edge, listener, finding or path has an id that begins with `{id}`"
            ))
            .next("`tierzero edges`, `listeners`, `findings --all` and `paths` show the ids")),
            1 => Ok(found.swap_remove(0)),
            many => {
                let mut ids: Vec<&str> = found.iter().take(CANDIDATES).map(Subject::id).collect();
                if many > CANDIDATES {
                    ids.push("...");
                }
                Err(Failure::new(format!("{many} ids begin with `{id}`"))
                    .because(ids.join(" "))
                    .next("give more of the id"))
            }
        }
    }
}

/// What is explained.
#[derive(Debug)]
enum Subject<'s> {
    Edge(&'s Edge),
    Listener(&'s Listener),
    Finding(&'s Finding),
    Path(Box<Bridge>),
}

impl Subject<'_> {
    fn id(&self) -> &str {
        match self {
            Self::Edge(edge) => edge.id.as_str(),
            Self::Listener(listener) => listener.id.as_str(),
            Self::Finding(finding) => finding.id.as_str(),
            Self::Path(bridge) => bridge.id.as_str(),
        }
    }
}
