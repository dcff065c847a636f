//! The observer: from a source of events through the pipeline into the store, and only then to whoever looks.

mod attribution;
mod cost;
mod keeping;
mod session;
mod source;
mod stop;
mod summary;
mod viewer;

pub(crate) use session::{Wish, run, settings};
pub(crate) use summary::Summary;
pub(crate) use viewer::Viewer;
