//! What goes into a flow's judgement beside its payload.

use super::Late;

/// Facts of the flow that its payload can't tell.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Joined late?
    pub late: Late,
    /// True when the flow is over, so that nothing more will be shown.
    pub over: bool,
    /// True when it is known that not one byte was sent either way.
    pub silent: bool,
    /// The kernel's word on the caller: `Some(true)` when the receiver asked for it, `Some(false)` for a socket file
    /// that one user alone may write.
    pub vouched: Option<bool>,
    /// For Unix sockets, what is known of who could call; `None` for others.
    pub unix: Option<Reach>,
    /// True when the responder sent at least one byte.
    pub answered: bool,
}

/// Who can call on a Unix socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// The file's mode lets group or others write, or the name is abstract; the receiver's calls were visible.
    Many,
    /// Not known, or the receiver's calls were not visible.
    Unknown,
}
