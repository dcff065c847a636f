//! TLS whose bytes another protocol carries in packets of its own.

use super::dissector::{Dissector, Input, Next, Notes};
use super::stream::Stream;
use super::tls;
use crate::event::Role;

/// Most bytes of a direction that wait to be read.
const LIMIT: usize = 32 * 1024;

/// One TLS connection inside another protocol.
#[derive(Debug)]
pub(crate) struct Carried {
    tls: Box<dyn Dissector>,
    caller: Stream,
    receiver: Stream,
}

impl Default for Carried {
    fn default() -> Self {
        Self { tls: tls::begin_handshake(), caller: Stream::new(LIMIT), receiver: Stream::new(LIMIT) }
    }
}

impl Carried {
    /// Takes the next bytes of `from`. `None` to go on; [`Next::Upgraded`] is never given.
    pub(crate) fn take(&mut self, from: Role, bytes: &[u8], notes: &mut Notes<'_>) -> Option<Next> {
        let stream = self.stream(from);
        stream.append(bytes.get(..bytes.len().min(stream.room())).unwrap_or_default());
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

    /// The flow is over.
    pub(crate) fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        self.tls.finish(whole, notes);
    }

    fn stream(&mut self, role: Role) -> &mut Stream {
        match role {
            Role::Originator => &mut self.caller,
            Role::Responder => &mut self.receiver,
        }
    }

    /// Reads one message of `role`; `None` when it did not move on, the reason when it ended.
    fn read(&mut self, role: Role, notes: &mut Notes<'_>) -> Option<Result<(), Next>> {
        let stream = match role {
            Role::Originator => &mut self.caller,
            Role::Responder => &mut self.receiver,
        };
        let (before, end) = (stream.next(), stream.edge());
        match self.tls.read(role, &mut Input::new(stream, end), notes) {
            Next::More => (self.stream(role).next() > before).then_some(Ok(())),
            next @ (Next::Settled | Next::Lost(_) | Next::Upgraded(_)) => Some(Err(next)),
        }
    }
}
