//! Sentences and headings for people.

use std::io::{self, Write};

use super::{colour, escape};

/// Width that sentences are wrapped to.
const WIDTH: usize = 96;

/// A heading with an empty line above it.
pub(crate) fn heading(out: &mut dyn Write, title: &str) -> io::Result<()> {
    let style = colour::HEADING;
    writeln!(out, "\n{style}{title}{style:#}")
}

/// A sentence behind its lead, wrapped so that the lead stands out.
pub(crate) fn sentence(out: &mut dyn Write, lead: &str, text: &str) -> io::Result<()> {
    let text = escape::untrusted(text);
    let mut line = format!("  {lead}");
    let indent = line.chars().count();
    let mut filled = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if filled > indent && filled + 1 + length > WIDTH {
            writeln!(out, "{line}")?;
            line = " ".repeat(indent);
            filled = indent;
        }
        if filled > indent {
            line.push(' ');
            filled += 1;
        }
        line.push_str(word);
        filled += length;
    }
    writeln!(out, "{line}")
}
