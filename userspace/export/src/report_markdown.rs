//! The write-down as Markdown: CommonMark 0.31 with GitHub's tables.
//!
//! Names from outside stand in code spans: within one, only backticks and, in a table, the bar mean anything
//! (CommonMark 6.1, GFM 4.10).

use crate::report_document::{Block, Document, Kind, Span};
use crate::visible::untrusted;

pub(crate) fn write(document: &Document) -> String {
    let mut out = format!("# {}\n", document.title);
    for block in &document.blocks {
        out.push('\n');
        match block {
            Block::Heading(level, text) => {
                out.push_str(&format!("{} {text}\n", "#".repeat(usize::from(*level))));
            }
            Block::Answer(text) => out.push_str(&format!("**{text}**\n")),
            Block::Text(spans) => out.push_str(&format!("{}\n", line(spans, false))),
            Block::Points(points) => {
                points.iter().for_each(|spans| out.push_str(&format!("- {}\n", line(spans, false))));
            }
            Block::Table { columns, rows } => {
                out.push_str(&format!("| {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len())));
                for row in rows {
                    let cells: Vec<String> = row.iter().map(|spans| line(spans, true)).collect();
                    out.push_str(&format!("| {} |\n", cells.join(" | ")));
                }
            }
            Block::PageEnd => out.push_str("---\n"),
        }
    }
    out
}

fn line(spans: &[Span], in_table: bool) -> String {
    spans
        .iter()
        .map(|span| match span.kind {
            Kind::Words => span.text.clone(),
            Kind::Name | Kind::Anchor | Kind::Link => code(&span.text, in_table),
            Kind::Bad => format!("**{}**", span.text),
            Kind::Doubtful | Kind::Good => span.text.clone(),
        })
        .collect()
}

/// A code span: fenced by one backtick more than any run within.
fn code(text: &str, in_table: bool) -> String {
    let text = untrusted(text);
    if text.trim().is_empty() {
        return "(blank)".to_owned();
    }
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.saturating_add(1));
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    let text = if in_table { text.replace('|', "\\|") } else { text.into_owned() };
    format!("{fence}{pad}{text}{pad}{fence}")
}
