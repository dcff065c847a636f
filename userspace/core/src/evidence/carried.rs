//! Another protocol whose bytes a protocol carries in packets or frames of its own: TLS, most often.

use super::Hidden;
use super::dissector::{Dissector, Input, Next, Notes};
use super::stream::Stream;
use super::tls;
use crate::event::Role;

/// Most bytes of a direction that wait to be read.
const LIMIT: usize = 32 * 1024;

/// One connection inside another protocol.
#[derive(Debug)]
pub(crate) struct Carried {
    inner: Box<dyn Dissector>,
    /// The inner protocol went on in another one.
    changed: bool,
    caller: Direction,
    receiver: Direction,
}

/// One direction of it.
#[derive(Debug)]
struct Direction {
    stream: Stream,
    /// How many of its bytes were given.
    given: u64,
}

impl Direction {
    fn new() -> Self {
        Self { stream: Stream::new(LIMIT), given: 0 }
    }
}

impl Default for Carried {
    /// TLS, of which only the first handshake matters.
    fn default() -> Self {
        Self::new(tls::begin_handshake())
    }
}

impl Carried {
    /// A connection that is read by `inner`.
    pub(crate) fn new(inner: Box<dyn Dissector>) -> Self {
        Self { inner, changed: false, caller: Direction::new(), receiver: Direction::new() }
    }

    /// True once the inner protocol went on in another one.
    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    /// Takes the next bytes of `from`. `None` to go on; [`Next::Upgraded`] is never given.
    pub(crate) fn take(&mut self, from: Role, bytes: &[u8], notes: &mut Notes<'_>) -> Option<Next> {
        let Direction { stream, given } = self.direction(from);
        // What the inner protocol passed over before it came is not kept.
        let old = usize::try_from(stream.edge().saturating_sub(*given)).unwrap_or(usize::MAX);
        *given = given.saturating_add(bytes.len() as u64);
        let new = bytes.get(old..).unwrap_or_default();
        if new.len() > stream.room() {
            return Some(Next::Lost(Hidden::Truncated));
        }
        stream.append(new);
        loop {
            let moved = self.read(from, notes)?;
            if let Err(next) = moved {
                return Some(next);
            }
            while let Some(moved) = self.read(from.other(), notes) {
                if let Err(next) = moved {
                    return Some(next);
                }
            }
        }
    }

    /// The next `count` bytes of `from` are there and were not given; the inner protocol has to have passed over them.
    pub(crate) fn pass(&mut self, from: Role, count: u64) {
        let Direction { given, .. } = self.direction(from);
        *given = given.saturating_add(count);
    }

    /// The flow is over.
    pub(crate) fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        self.inner.finish(whole, notes);
    }

    fn direction(&mut self, role: Role) -> &mut Direction {
        match role {
            Role::Originator => &mut self.caller,
            Role::Responder => &mut self.receiver,
        }
    }

    /// Reads one message of `role`; `None` when it did not move on, the reason when it ended.
    fn read(&mut self, role: Role, notes: &mut Notes<'_>) -> Option<Result<(), Next>> {
        let Direction { stream, .. } = match role {
            Role::Originator => &mut self.caller,
            Role::Responder => &mut self.receiver,
        };
        let (before, end) = (stream.next(), stream.edge());
        match self.inner.read(role, &mut Input::new(stream, end), notes) {
            Next::More => (stream.next() > before).then_some(Ok(())),
            Next::Upgraded(inner) => {
                (self.inner, self.changed) = (inner, true);
                Some(Ok(()))
            }
            next @ (Next::Settled | Next::Lost(_)) => Some(Err(next)),
        }
    }
}
