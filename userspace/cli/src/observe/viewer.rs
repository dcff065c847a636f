//! Who looks: a terminal, a pipe, or a program.

use std::time::{Duration, Instant};

use tierzero_core::graph::{Delta, Snapshot};

use super::summary::Summary;
use crate::error::Outcome;
use crate::live::{Board, JsonLines, PlainLines, Screen, Status};
use crate::output::{colour, escape};

/// The picture is drawn this often.
const FRAME: Duration = Duration::from_millis(100);

/// Who looks, and what they know.
pub(crate) struct Viewer {
    board: Board,
    way: Way,
    drawn: Option<Instant>,
    told_trouble: bool,
    told_undelivered: bool,
}

enum Way {
    /// A terminal; `None` once it was given back.
    Live(Option<Screen>),
    Plain(PlainLines),
    Json(JsonLines),
}

impl Viewer {
    /// Begins. `before` is what is known already: none of it is news.
    pub(crate) fn start(json: bool, terminal: bool, before: &Snapshot) -> Outcome<Self> {
        let way = match (json, terminal) {
            (true, _) => Way::Json(JsonLines),
            (false, true) => Way::Live(Some(Screen::take()?)),
            (false, false) => Way::Plain(PlainLines),
        };
        Ok(Self { board: Board::new(before), way, drawn: None, told_trouble: false, told_undelivered: false })
    }

    /// For a replay: nothing is known before, and edges are printed as a table in the end.
    pub(crate) fn lines(json: bool) -> Self {
        let way = if json { Way::Json(JsonLines) } else { Way::Live(None) };
        Self { board: Board::default(), way, drawn: None, told_trouble: false, told_undelivered: false }
    }

    /// Takes changes that are stored.
    pub(crate) fn take(&mut self, deltas: &[Delta]) -> Outcome {
        let news = self.board.take(deltas, Instant::now());
        let findings = self.board.take_findings();
        match &self.way {
            Way::Live(_) => Ok(()),
            Way::Plain(lines) => {
                lines.print(&news)?;
                lines.print_findings(&findings)
            }
            Way::Json(lines) => lines.print(deltas),
        }
    }

    /// Is it time for a picture?
    pub(crate) fn is_due(&self) -> bool {
        self.drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME)
    }

    /// Draws, or tells of trouble; true when somebody wants the end.
    pub(crate) fn show(&mut self, status: &Status) -> Outcome<bool> {
        self.drawn = Some(Instant::now());
        let ripe = self.board.ripe(self.drawn);
        if let Way::Plain(lines) = &self.way {
            lines.print(&ripe)?;
        }
        match &mut self.way {
            Way::Live(Some(screen)) => {
                screen.draw(&self.board, status)?;
                Ok(screen.quit_was_pressed()?)
            }
            Way::Live(None) => Ok(false),
            Way::Plain(_) | Way::Json(_) => {
                match &status.trouble {
                    Some(trouble) if !self.told_trouble => colour::warn(&format!("NOT STORED: {trouble}")),
                    None if self.told_trouble => colour::stderr_line("stored again: nothing waits"),
                    Some(_) | None => {}
                }
                self.told_trouble = status.trouble.is_some();
                if let Some(undelivered) = status.undelivered.as_ref().filter(|_| !self.told_undelivered) {
                    colour::warn(&format!("not delivered: {}", escape::untrusted(undelivered)));
                }
                self.told_undelivered = status.undelivered.is_some();
                Ok(false)
            }
        }
    }

    /// Gives the terminal back.
    pub(crate) fn leave(&mut self) {
        if let Way::Live(screen) = &mut self.way {
            drop(screen.take());
            colour::stderr_line("ending; once more Ctrl-C ends at once");
        }
    }

    /// Says how it was.
    pub(crate) fn end(&mut self, summary: &Summary, snapshot: &Snapshot) -> Outcome {
        let ripe = self.board.ripe(None);
        if let Way::Plain(lines) = &self.way {
            lines.print(&ripe)?;
        }
        match &self.way {
            Way::Json(lines) => lines.end(snapshot),
            Way::Live(_) | Way::Plain(_) => summary.print(&self.board),
        }
    }
}
