//! The score, as a person reads it.

use super::judge::{EdgeJudgement, Judgement, VERDICTS};

/// How one scenario went.
pub(crate) struct Row {
    /// Name.
    pub(crate) scenario: String,
    /// The judgement, or why there is none; `None` when only the oracles were asked.
    pub(crate) judgement: Option<Result<Judgement, String>>,
    /// Why it could not be run here, where that is no failure of it.
    pub(crate) skipped: Option<String>,
    /// Leaked secrets, a sentence each.
    pub(crate) leaks: Vec<String>,
    /// What else is wrong.
    pub(crate) wrong: Vec<String>,
    /// What is worth knowing.
    pub(crate) notes: Vec<String>,
    /// Lost events, as the graph says.
    pub(crate) lost: u64,
}

impl Row {
    /// A scenario about which nothing is known yet.
    pub(crate) fn new(scenario: &str) -> Self {
        Self {
            scenario: scenario.to_owned(),
            judgement: None,
            skipped: None,
            leaks: Vec::new(),
            wrong: Vec::new(),
            notes: Vec::new(),
            lost: 0,
        }
    }

    /// True when nothing failed; a scenario that was skipped did not.
    pub(crate) fn passed(&self) -> bool {
        self.leaks.is_empty()
            && self.wrong.is_empty()
            && match &self.judgement {
                Some(Ok(judgement)) => judgement.failures().is_empty(),
                Some(Err(_)) => false,
                None => true,
            }
    }
}

/// The table of all scenarios, what is wrong in each, and the matrix over all edges.
pub(crate) fn print(rows: &[Row]) {
    println!(
        "\n{:<10} {:>6} {:>7} {:>7} {:>9} {:>9} {:>10} {:>8} {:>5} {:>5} {:>6}",
        "scenario",
        "edges",
        "prec %",
        "rec %",
        "points",
        "listeners",
        "principals",
        "findings",
        "lost",
        "leaks",
        "result"
    );
    for row in rows {
        if let Some(why) = &row.skipped {
            println!("{:<10} skip: {why}", row.scenario);
            continue;
        }
        let result = if row.passed() { "pass" } else { "FAIL" };
        match &row.judgement {
            Some(Ok(judgement)) => println!(
                "{:<10} {:>6} {:>7.1} {:>7.1} {:>9} {:>9} {:>10} {:>8} {:>5} {:>5} {:>6}",
                row.scenario,
                judgement.edges.len(),
                judgement.precision(),
                judgement.recall(),
                format!("{:.1}/{}", judgement.points(), judgement.edges.len()),
                format!("{}/{}", judgement.listeners.0, judgement.listeners.1),
                format!("{}/{}", judgement.principals.0, judgement.principals.1),
                judgement.findings,
                row.lost,
                row.leaks.len(),
                result
            ),
            Some(Err(says)) => println!("{:<10} {result}: {says}", row.scenario),
            None => println!("{:<10} {result}: its oracles hold", row.scenario),
        }
    }
    for row in rows {
        let failures = judgement(row).map(Judgement::failures).unwrap_or_default();
        let all = failures.iter().chain(&row.leaks).chain(&row.wrong);
        for (number, says) in all.enumerate() {
            if number == 0 {
                println!("\n{}:", row.scenario);
            }
            println!("  - {says}");
        }
        for note in &row.notes {
            println!("  {}: {note}", row.scenario);
        }
    }
    matrix(rows.iter().filter_map(judgement).flat_map(|judgement| &judgement.edges));
}

fn judgement(row: &Row) -> Option<&Judgement> {
    row.judgement.as_ref().and_then(|judgement| judgement.as_ref().ok())
}

/// Truth by row, what was said by column; the last column counts edges that were not seen.
fn matrix<'a>(edges: impl Iterator<Item = &'a EdgeJudgement>) {
    let edges: Vec<_> = edges.collect();
    println!("\nVerdicts over all edges (rows: truth; columns: said)");
    print!("{:<17}", "");
    for said in VERDICTS.iter().chain(&["not seen"]) {
        print!(" {said:>16}");
    }
    println!();
    for expected in VERDICTS {
        print!("{expected:<17}");
        for said in VERDICTS.iter().map(|said| Some(*said)).chain([None]) {
            let count =
                edges.iter().filter(|edge| edge.expected == expected && edge.said.as_deref() == said).count();
            print!(" {count:>16}");
        }
        println!();
    }
    let false_comfort = edges.iter().filter(|edge| edge.false_comfort).count();
    println!("false comfort: {false_comfort} of {} edges", edges.len());
}
