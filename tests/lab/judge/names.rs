//! Names for what the tool says by id.

use std::collections::BTreeMap;

use super::super::graph::{Edge, Holder, Listener};
use super::{Book, Said};

/// Looks names up.
pub(super) struct Names<'a> {
    pub(super) book: &'a Book<'a>,
    /// Edges of the truth that were found, by their names.
    pub(super) matched: &'a BTreeMap<&'a str, &'a Edge>,
    edges: BTreeMap<&'a str, &'a Edge>,
    holders: BTreeMap<&'a str, &'a Holder>,
}

impl<'a> Names<'a> {
    pub(super) fn new(
        said: &'a Said<'a>,
        book: &'a Book<'a>,
        matched: &'a BTreeMap<&'a str, &'a Edge>,
    ) -> Self {
        let edges = said.graph.edges.iter().map(|it| (it.id.as_str(), it)).collect();
        let holders = said.graph.principals.iter().map(|it| (it.id.as_str(), it)).collect();
        Self { book, matched, edges, holders }
    }

    /// A workload's name and the role of its namespace, where that is of the lab.
    pub(super) fn workload(&self, id: &str) -> (String, Option<&'a str>) {
        let name = self.book.workloads.get(id).map_or("?", |it| it.name.as_str());
        (name.to_owned(), self.book.role(id))
    }

    /// A listener as `ROLE tcp ADDRESS:PORT` or `ROLE unix PATH`; `None` where it is not of the lab.
    pub(super) fn listener(&self, id: &str) -> Option<String> {
        let Listener { workload, transport, address, port, path, .. } = self.book.listeners.get(id)?;
        let role = self.book.role(workload.as_deref()?)?;
        Some(match (path, address, port) {
            (Some(path), ..) => format!("{role} {transport} {path}"),
            (None, Some(address), Some(port)) => format!("{role} {transport} {address}:{port}"),
            _ => format!("{role} {transport}"),
        })
    }

    /// Id of an edge that the truth names.
    pub(super) fn edge_id(&self, name: &str) -> Option<&'a str> {
        self.matched.get(name).map(|it| it.id.as_str())
    }

    /// An edge by its name in the truth, or by its ends.
    pub(super) fn edge(&self, id: &str) -> String {
        match self.matched.iter().find(|(_, edge)| edge.id == id) {
            Some((name, _)) => (*name).to_owned(),
            None => self.edges.get(id).map_or_else(|| id.to_owned(), |edge| self.book.name(edge)),
        }
    }

    /// True for an edge with an end in the lab.
    pub(super) fn edge_in_lab(&self, id: &str) -> bool {
        self.edges.get(id).is_some_and(|edge| self.book.touches_lab(edge))
    }

    /// How the truth may call a subject of a finding, the shortest first; none when it is not of the lab.
    pub(super) fn subject(&self, id: &str) -> Vec<String> {
        match id.split('-').next() {
            Some("w") => {
                let (name, role) = self.workload(id);
                role.map(|role| vec![name.clone(), format!("{name} in {role}")]).unwrap_or_default()
            }
            Some("l") => self.listener(id).into_iter().collect(),
            Some("e") if self.edge_in_lab(id) => vec![self.edge(id)],
            Some("p") => {
                let holder = self.holders.get(id).filter(|it| self.listener(&it.listener).is_some());
                let name = |it: &&Holder| it.principal.as_ref().map_or("?".to_owned(), |it| it.name.clone());
                holder.map(name).into_iter().collect()
            }
            Some("h") => vec!["host".to_owned()],
            _ => Vec::new(),
        }
    }
}

/// True when `text` is `pattern`, in which one `*` stands for anything.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}
