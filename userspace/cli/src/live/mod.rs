//! What is shown while observing: a live view on a terminal, lines in a pipe, JSON lines for programs.

mod board;
mod frame;
mod lines;
mod screen;

pub(crate) use board::Board;
pub(crate) use frame::Status;
pub(crate) use lines::{JsonLines, PlainLines};
pub(crate) use screen::Screen;
