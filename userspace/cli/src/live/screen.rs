//! The terminal while the live view has it.

use std::io::{self, Write as _};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, queue};

use super::board::Board;
use super::frame::{self, Line, Status};

/// The live view. Dropping it gives the terminal back, also when the program unwinds.
pub(crate) struct Screen {
    coloured: bool,
    shown: Vec<Line>,
    size: (u16, u16),
}

impl Screen {
    /// Takes the terminal.
    pub(crate) fn take() -> io::Result<Self> {
        let coloured = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        enable_raw_mode()?;
        // From here on the terminal is given back by drop.
        let screen = Self { coloured, shown: Vec::new(), size: (0, 0) };
        let mut out = io::stdout().lock();
        queue!(out, EnterAlternateScreen, cursor::Hide)?;
        out.flush()?;
        Ok(screen)
    }

    /// Draws the lines that changed.
    pub(crate) fn draw(&mut self, board: &Board, status: &Status) -> io::Result<()> {
        let size = crossterm::terminal::size()?;
        let mut out = io::BufWriter::new(io::stdout().lock());
        queue!(out, BeginSynchronizedUpdate)?;
        if size != self.size {
            self.shown.clear();
            self.size = size;
            queue!(out, Clear(ClearType::All))?;
        }
        let lines = frame::draw(board, status, usize::from(size.0), usize::from(size.1));
        for (row, line) in (0_u16..).zip(&lines) {
            if self.shown.get(usize::from(row)) == Some(line) {
                continue;
            }
            queue!(out, cursor::MoveTo(0, row))?;
            for (style, text) in line {
                if self.coloured {
                    write!(out, "{style}{text}{style:#}")?;
                } else {
                    write!(out, "{text}")?;
                }
            }
            queue!(out, Clear(ClearType::UntilNewLine))?;
        }
        queue!(out, EndSynchronizedUpdate)?;
        out.flush()?;
        self.shown = lines;
        Ok(())
    }

    /// Did somebody press `q`, Escape or Ctrl-C since the last call? Does not wait.
    pub(crate) fn quit_was_pressed(&mut self) -> io::Result<bool> {
        let mut quit = false;
        while event::poll(std::time::Duration::ZERO)? {
            let Event::Key(key) = event::read()? else { continue };
            if key.kind == KeyEventKind::Release {
                continue;
            }
            let control = key.modifiers.contains(KeyModifiers::CONTROL);
            quit |= matches!(key.code, KeyCode::Char('q' | 'Q') | KeyCode::Esc);
            quit |= control && matches!(key.code, KeyCode::Char('c' | 'd'));
            if control && key.code == KeyCode::Char('l') {
                // As in other programs: the picture is drawn anew.
                self.size = (0, 0);
            }
        }
        Ok(quit)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut out = io::stdout().lock();
        let _ = queue!(out, EndSynchronizedUpdate, LeaveAlternateScreen, cursor::Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}
