//! WebSocket: what an HTTP connection carries after it was upgraded, and which protocol that is.
//!
//! Sources: RFC 6455 sections 4 (handshake) and 5 (frames), RFC 7692 (compression, by the first reserved bit). The
//! request's own proof counts; where it carried none, the caller may prove itself in the messages.

use zeroize::Zeroizing;

use super::carried::Carried;
use super::dissector::{Dissector, Input, Next, Notes, rules};
use super::proxy_protocol::Inner;
use super::{Hidden, Operation, Protocol, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    OPENED = "websocket.opened", v 1, Observed, Wire,
        "The receiver opened a WebSocket for a request that carried proof",
        "Whether it looked at the proof, and what the messages ask for";
    CARRIED = "websocket.carried", v 1, Observed, Wire,
        "The receiver opened a WebSocket, whose messages are of no protocol that is read",
        "Who calls may be said in the messages, and the receiver may ask for it there";
}

/// Most bytes of a frame that are unmasked at once.
const PART: usize = 4096;
/// Longest frame that RFC 6455 section 5.2 allows: the length's first bit is zero.
const FRAME: u64 = i64::MAX as u64;

/// Protocols that are known to be carried by a WebSocket: MQTT, AMQP and STOMP by their standards, the others by
/// NATS' own port, by RFC 7118, and by proxies that carry a TCP connection (noVNC and its kin).
fn is_carried(protocol: Protocol) -> bool {
    matches!(
        protocol,
        Protocol::Mqtt
            | Protocol::Nats
            | Protocol::Amqp
            | Protocol::Stomp
            | Protocol::Sip
            | Protocol::Vnc
            | Protocol::Ssh
            | Protocol::Postgresql
            | Protocol::Tls
    )
}

/// A frame of which something is still to come.
#[derive(Debug)]
struct Frame {
    left: u64,
    /// It belongs to a message, and not to the connection's own upkeep.
    data: bool,
    mask: [u8; 4],
    /// Which byte of the mask comes next.
    place: usize,
}

/// One flow, behind the answer to the upgrade.
#[derive(Debug)]
pub(crate) struct WebSocket {
    /// The request that opened it carried proof.
    proved: bool,
    inner: Carried,
    frames: [Option<Frame>; 2],
}

impl WebSocket {
    /// Begins behind the answer; `proved` when the request carried proof.
    pub(crate) fn new(proved: bool) -> Self {
        let inner = Carried::new(Box::new(Inner::among(is_carried)));
        Self { proved, inner, frames: [None, None] }
    }

    /// What is carried is not read.
    fn unread(&self, notes: &mut Notes<'_>) -> Next {
        if self.proved {
            notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
        }
        notes.say(&CARRIED, Shown::Hidden { why: Hidden::Unsupported });
        Next::Settled
    }

    fn frame(&mut self, from: Role) -> &mut Option<Frame> {
        let [caller, receiver] = &mut self.frames;
        match from {
            Role::Originator => caller,
            Role::Responder => receiver,
        }
    }
}

/// A frame's head and its length; `None` while it is not whole, an error for what no frame is or can't be read.
fn head(bytes: &[u8]) -> Option<Result<(Frame, usize), ()>> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (masked, short) = (second & 0x80 != 0, second & 0x7f);
    let (left, width) = match short {
        126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), 8),
        short => (u64::from(short), 0),
    };
    let rest = rest.get(width..)?;
    let mask = if masked { *rest.first_chunk()? } else { [0; 4] };
    // Data is 0 to 2, upkeep 8 to 10 and short; reserved bits change what the bytes are.
    let (data, upkeep) = (matches!(first & 0x0f, 0..=2), matches!(first & 0x0f, 8..=10));
    if first & 0x70 != 0 || !data && !upkeep || upkeep && short > 125 || left > FRAME {
        return Some(Err(()));
    }
    let length = 2 + width + if masked { 4 } else { 0 };
    Some(Ok((Frame { left, data, mask, place: 0 }, length)))
}

impl Dissector for WebSocket {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(mut frame) = self.frame(from).take() else {
            match head(input.bytes()) {
                None => return Next::More,
                Some(Err(())) if self.inner.changed() => return Next::Lost(Hidden::Unsupported),
                Some(Err(())) => return self.unread(notes),
                Some(Ok((frame, length))) => {
                    input.read(length);
                    *self.frame(from) = (frame.left > 0).then_some(frame);
                    return Next::More;
                }
            }
        };
        if !frame.data {
            input.skip(frame.left);
            return Next::More;
        }
        let most = usize::try_from(frame.left).unwrap_or(usize::MAX).min(PART);
        let masked = input.bytes().get(..most.min(input.bytes().len())).unwrap_or_default();
        let mask = frame.mask.iter().cycle().skip(frame.place % 4);
        let part: Zeroizing<Vec<u8>> =
            Zeroizing::new(masked.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect());
        input.read(part.len());
        frame.place = frame.place.wrapping_add(part.len()) % 4;
        frame.left = frame.left.saturating_sub(part.len() as u64);
        *self.frame(from) = (frame.left > 0).then_some(frame);
        match self.inner.take(from, &part, notes) {
            None => Next::More,
            Some(next) if self.inner.changed() => next,
            Some(_) => self.unread(notes),
        }
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        if self.inner.changed() {
            self.inner.finish(whole, notes);
        } else {
            let _settled = self.unread(notes);
        }
    }
}
