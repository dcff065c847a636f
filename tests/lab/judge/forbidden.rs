//! Statements that must not be made.

use serde_json::Value;

use super::super::flows;
use super::super::graph::Edge;
use super::super::truth::{MustNot, Truth};
use super::findings::in_lab;
use super::names::{Names, fits};
use super::{Judgement, Said};

pub(super) fn judge(truth: &Truth, said: &Said<'_>, names: &Names<'_>, judgement: &mut Judgement) {
    for must_not in &truth.must_not {
        let edges: Vec<&Edge> = match &must_not.edge {
            Some(name) => names.matched.get(name.as_str()).copied().into_iter().collect(),
            None => said.graph.edges.iter().filter(|edge| names.book.touches_lab(edge)).collect(),
        };
        let said_so = edges.iter().any(|edge| {
            must_not.verdicts.contains(&edge.verdict)
                || must_not
                    .checks
                    .iter()
                    .any(|check| edge.by_check.get(check).is_some_and(|count| *count > 0))
        });
        let said_of_late = flows::lines(said.lines).any(|line| {
            line.get("joined_late").and_then(Value::as_bool) == Some(true)
                && edges.iter().any(|edge| flows::of(line, &edge.caller, &edge.listener))
                && flows::text(line, "verdict")
                    .is_some_and(|verdict| must_not.late_verdicts.iter().any(|wrong| wrong == verdict))
        });
        if said_so || said_of_late || found(must_not, said, names) {
            judgement.forbidden.push(must_not.says.clone());
        }
    }
}

fn found(must_not: &MustNot, said: &Said<'_>, names: &Names<'_>) -> bool {
    said.graph.findings.iter().filter(|it| in_lab(it, names)).any(|finding| {
        let about = must_not.about.as_ref().is_none_or(|about| {
            let first = finding.subjects.first().map(|it| names.subject(it)).unwrap_or_default();
            first.iter().any(|it| fits(about, it))
        });
        about
            && (must_not.findings.contains(&finding.kind) || must_not.severities.contains(&finding.severity))
    })
}
