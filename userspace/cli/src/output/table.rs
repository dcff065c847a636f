//! Aligned tables that know how wide the terminal is.

use std::io::{self, Write};

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{colour, escape};

/// Columns are never narrowed below this.
const NARROWEST: usize = 10;
/// Spaces between columns.
const GAP: usize = 2;

/// One cell: already escaped text and its style.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell with text from anywhere.
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self::styled(text, colour::PLAIN)
    }

    /// A cell with a style.
    pub(crate) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self { text: escape::untrusted(text.as_ref()).into_owned(), style }
    }
}

/// Side on which a column's text stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    align: Align,
    /// May be cut in the middle where the terminal is too narrow.
    elastic: bool,
}

impl Column {
    /// Words that are shown whole.
    pub(crate) const fn word(title: &'static str) -> Self {
        Self { title, align: Align::Left, elastic: false }
    }

    /// Names, which may be cut in the middle.
    pub(crate) const fn name(title: &'static str) -> Self {
        Self { title, align: Align::Left, elastic: true }
    }

    /// Numbers.
    pub(crate) const fn number(title: &'static str) -> Self {
        Self { title, align: Align::Right, elastic: false }
    }
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; as many cells as there are columns.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// Writes it, at most `width` columns wide where `width` is known.
    pub(crate) fn write(&self, out: &mut dyn Write, width: Option<usize>) -> io::Result<()> {
        let widths = self.widths(width);
        let header: Vec<Cell> =
            self.columns.iter().map(|column| Cell::styled(column.title, colour::HEADING)).collect();
        self.write_row(out, &header, &widths)?;
        self.rows.iter().try_for_each(|row| self.write_row(out, row, &widths))
    }

    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| column.title.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.width());
            }
        }
        let Some(limit) = limit else { return widths };
        let gaps = GAP.saturating_mul(widths.len().saturating_sub(1));
        // Take one column of the terminal at a time from the widest name until the table fits.
        while widths.iter().sum::<usize>().saturating_add(gaps) > limit {
            let widest = widths
                .iter_mut()
                .zip(&self.columns)
                .filter(|(width, column)| column.elastic && **width > NARROWEST)
                .map(|(width, _)| width)
                .max_by_key(|width| **width);
            match widest {
                Some(width) => *width -= 1,
                None => break,
            }
        }
        widths
    }

    fn write_row(&self, out: &mut dyn Write, row: &[Cell], widths: &[usize]) -> io::Result<()> {
        let mut pending = 0;
        for ((cell, column), &width) in row.iter().zip(&self.columns).zip(widths) {
            let text = shortened(&cell.text, width);
            let space = width.saturating_sub(text.width());
            let (before, after) = match column.align {
                Align::Left => (0, space),
                Align::Right => (space, 0),
            };
            let style = cell.style;
            write!(out, "{:pad$}{style}{text}{style:#}", "", pad = pending + before)?;
            pending = after + GAP;
        }
        writeln!(out)
    }
}

/// Cuts the middle out of a text that is too wide: both ends of a path or id tell most.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else { return String::new() };
    let head = taken(text.chars(), room.div_ceil(2));
    let tail: String = taken(text.chars().rev(), room / 2).chars().rev().collect();
    format!("{head}…{tail}")
}

fn taken(characters: impl Iterator<Item = char>, room: usize) -> String {
    let mut left = room;
    characters
        .take_while(|character| {
            let width = character.width().unwrap_or(0);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        })
        .collect()
}

/// Width of the terminal that standard output is, if it is one. `COLUMNS` overrules, as with other programs.
pub(crate) fn terminal_width() -> Option<usize> {
    use std::io::IsTerminal as _;
    let wished = std::env::var("COLUMNS").ok().and_then(|text| text.parse::<usize>().ok());
    if wished.is_some() {
        return wished;
    }
    if !io::stdout().is_terminal() {
        return None;
    }
    crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(table: &Table, width: Option<usize>) -> String {
        let mut out = Vec::new();
        table.write(&mut out, width).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    #[test]
    fn columns_line_up_and_no_line_ends_in_spaces() {
        let mut table =
            Table::new(&[Column::word("VERDICT"), Column::number("FLOWS"), Column::name("CALLER")]);
        table.row(vec![Cell::new("opaque"), Cell::new("3"), Cell::new("数据库")]);
        table.row(vec![Cell::new("location-trusted"), Cell::new("12345"), Cell::new("a")]);
        let text =
            "VERDICT           FLOWS  CALLER\nopaque                3  数据库\nlocation-trusted  12345  a\n";
        assert_eq!(shown(&table, None), text);
    }

    #[test]
    fn a_narrow_terminal_cuts_the_middle_of_names_only() {
        let mut table = Table::new(&[Column::word("VERDICT"), Column::name("CALLER")]);
        table.row(vec![Cell::new("location-trusted"), Cell::new("/usr/lib/postgresql/15/bin/postgres")]);
        assert_eq!(
            shown(&table, Some(38)),
            "VERDICT           CALLER\nlocation-trusted  /usr/lib/p…/postgres\n"
        );
        assert!(shown(&table, Some(5)).contains("location-trusted"));
    }

    #[test]
    fn shortening_counts_columns_not_bytes() {
        assert_eq!(shortened("数据库数据库", 5), "数…库");
        assert_eq!(shortened("abcdef", 1), "…");
        assert_eq!(shortened("abcdef", 0), "");
    }
}
