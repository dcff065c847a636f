//! Findings about the lab are those of the truth and no others.

use super::super::graph;
use super::super::truth::{Finding, Truth};
use super::names::{Names, fits};
use super::{Judgement, Said};

pub(super) fn judge(truth: &Truth, said: &Said<'_>, names: &Names<'_>, judgement: &mut Judgement) {
    let Some(should) = &truth.findings else { return };
    let mut rest: Vec<&graph::Finding> = said.graph.findings.iter().filter(|it| in_lab(it, names)).collect();
    for finding in should {
        let Some(place) = rest.iter().position(|it| is(finding, it, names)) else {
            judgement.findings -= 1;
            judgement.deviations.push(format!("no finding {} about {:?}", finding.kind, finding.subjects));
            continue;
        };
        let found = rest.remove(place);
        let mut differ = |what: &str, is: &str, should: String| {
            judgement.deviations.push(format!("finding {}: {what} is {is}, should be {should}", found.says));
        };
        if let Some(should) = finding.severity.as_ref().filter(|it| **it != found.severity) {
            differ("severity", &found.severity, should.clone());
        }
        if let Some(should) = finding.state.as_ref().filter(|it| **it != found.state) {
            differ("state", &found.state, should.clone());
        }
        if let Some(should) = finding.count.filter(|it| !it.holds(found.count)) {
            differ("count", &found.count.to_string(), format!("{should:?}"));
        }
    }
    for finding in rest {
        judgement.findings -= 1;
        judgement.deviations.push(format!(
            "finding not in the truth: {} {} ({}): {}",
            finding.severity, finding.kind, finding.count, finding.says
        ));
    }
}

/// True for a finding about something in the lab, or about the observer's host.
pub(super) fn in_lab(finding: &graph::Finding, names: &Names<'_>) -> bool {
    finding.subjects.iter().any(|it| !names.subject(it).is_empty())
}

fn is(should: &Finding, is: &graph::Finding, names: &Names<'_>) -> bool {
    should.kind == is.kind
        && (should.subjects.is_empty()
            || (should.subjects.len() == is.subjects.len()
                && should
                    .subjects
                    .iter()
                    .zip(&is.subjects)
                    .all(|(should, id)| names.subject(id).iter().any(|it| fits(should, it)))))
}
