//! What a protocol's file provides, and what it is given.
//!
//! A new protocol is one file with a table of rules (`rules!`), a type that is a [`Dissector`], and one [`Known`]
//! entry in the list of `evidence/mod.rs`. A dissector reads both directions message by message, says what the
//! bytes show, and keeps none of them. Its result must depend on the order in which messages end, never on how the
//! stream was cut into segments.

use std::fmt;

use jiff::Timestamp;

use super::observation::RuleRef;
use super::stream::Stream;
use super::{Hidden, Observation, Protocol, Rule, Shown};
use crate::event::Role;
use crate::fingerprint::{Fingerprint, Fingerprinter};

/// Declares the rules of one file: a static for each, and `RULES`, the table of them all.
macro_rules! rules {
    ($vis:vis table; $($name:ident = $id:literal, v $version:literal, $level:ident, $source:ident, $shows:literal, $limits:literal;)+) => {
        $(
            #[doc = concat!("`", $id, "`: ", $shows)]
            $vis static $name: $crate::evidence::Rule = $crate::evidence::Rule {
                id: $id,
                version: $version,
                level: $crate::evidence::Level::$level,
                source: $crate::evidence::Source::$source,
                shows: $shows,
                limits: $limits,
                inside: Some(&$crate::evidence::Rule {
                    id: concat!("inside.", $id),
                    version: $version,
                    level: $crate::evidence::Level::$level,
                    source: $crate::evidence::Source::Uprobe,
                    shows: $shows,
                    limits: concat!($limits, "; seen inside TLS, by the calls of the receiver's library"),
                    inside: None,
                }),
            };
        )+
        /// Every rule of this file.
        $vis static RULES: &[&$crate::evidence::Rule] = &[$(&$name),+];
    };
}
pub(crate) use rules;

/// How the first bytes of one direction compare with a protocol. More bytes never change `Like` or `Unlike`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Likeness {
    /// Can't be this protocol.
    Unlike,
    /// Too few bytes to tell.
    Unsure,
    /// Parses as this protocol.
    Like,
}

impl Likeness {
    /// Compares with a fixed start: `Unsure` while all bytes that are there agree.
    pub(crate) fn starts_with(bytes: &[u8], start: &[u8]) -> Self {
        if bytes.starts_with(start) {
            Self::Like
        } else if start.starts_with(bytes) {
            Self::Unsure
        } else {
            Self::Unlike
        }
    }

    /// `Like` when both are, `Unlike` when one is.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unlike, _) | (_, Self::Unlike) => Self::Unlike,
            (Self::Like, Self::Like) => Self::Like,
            (Self::Unsure | Self::Like, Self::Unsure | Self::Like) => Self::Unsure,
        }
    }
}

/// One protocol that can be recognised. Ports are never asked.
pub(crate) struct Known {
    /// Which.
    pub(crate) protocol: Protocol,
    /// What the originator sends first.
    pub(crate) call: fn(&[u8]) -> Likeness,
    /// What the responder sends first.
    pub(crate) reply: fn(&[u8]) -> Likeness,
    /// Begins to read a flow.
    pub(crate) begin: fn() -> Box<dyn Dissector>,
    /// What a flow shows that is over and on which only the originator sent these bytes; nothing for most protocols.
    pub(crate) call_alone: fn(&[u8], &mut Notes<'_>),
    /// Every rule by which it speaks.
    pub(crate) rules: &'static [&'static Rule],
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Known({})", self.protocol)
    }
}

/// For [`Known::call_alone`] of protocols in which the responder always answers.
pub(crate) fn nothing_alone(_call: &[u8], _notes: &mut Notes<'_>) {}

/// What a dissector wants after it read what was there.
pub(crate) enum Next {
    /// More bytes.
    More,
    /// Nothing: further bytes can't change what is known.
    Settled,
    /// Nothing: what follows can't be read, for this reason.
    Lost(Hidden),
    /// The rest of both directions belongs to another layer.
    Upgraded(Box<dyn Dissector>),
}

/// Reads one flow of one protocol.
pub(crate) trait Dissector: fmt::Debug + Send {
    /// Reads one message of `from`, or the part of it that is there. Called again for as long as it moves on, and when
    /// more has arrived in either direction; bytes that are left unread stay. A responder's bytes that answer nothing yet are left unread.
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next;

    /// Everything that decides was said, and what may still come only adds to it: where it is missing, nothing is.
    fn has_decided(&self) -> bool {
        false
    }

    /// Reading ends before it was settled: what was offered and never answered is said. `whole` is true when the flow
    /// is over and nothing of it is missing, so that silence means something.
    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        let _ = (whole, notes);
    }
}

/// The unread bytes of one direction.
pub(crate) struct Input<'a> {
    stream: &'a mut Stream,
    end: u64,
    stuck: bool,
}

impl<'a> Input<'a> {
    /// The bytes of `stream` before offset `end`.
    pub(crate) fn new(stream: &'a mut Stream, end: u64) -> Self {
        Self { stream, end, stuck: false }
    }

    /// The same, when no further byte will come here: the next ones were cut off or lost.
    pub(crate) fn stuck(stream: &'a mut Stream, end: u64) -> Self {
        Self { stream, end, stuck: true }
    }

    /// What is there and was not read.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.stream.unread(self.end)
    }

    /// Where the end of the next message is in the first `within` unread bytes, by `end`, which is given them and how
    /// many an earlier call looked through in vain: so that a message which comes in many small segments is not
    /// searched from its start again for each. A reader looks for one kind of end only.
    pub(crate) fn find(
        &mut self,
        within: usize,
        end: impl FnOnce(&[u8], usize) -> Option<usize>,
    ) -> Option<usize> {
        let bytes = self.stream.unread(self.end);
        let window = bytes.get(..bytes.len().min(within)).unwrap_or_default();
        let seen = window.len();
        let found = end(window, self.stream.searched().min(seen));
        if found.is_none() {
            self.stream.set_searched(seen);
        }
        found
    }

    /// True when the byte that comes next was cut off or lost: what is there is all that will be, unless it is passed
    /// over together with what is missing.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Offset of the first unread byte.
    pub(crate) fn position(&self) -> u64 {
        self.stream.next()
    }

    /// Moves on by `count` bytes, present or still to come.
    pub(crate) fn skip(&mut self, count: u64) {
        self.stream.skip(count);
    }

    /// Moves on by the length of something that was read here.
    pub(crate) fn read(&mut self, count: usize) {
        self.stream.skip(count as u64);
    }
}

/// Where a dissector writes what it saw.
pub(crate) struct Notes<'a> {
    out: &'a mut Vec<Observation>,
    fingerprinter: &'a Fingerprinter,
    now: Timestamp,
}

impl<'a> Notes<'a> {
    /// Notes that end up in `out`.
    pub(crate) fn new(
        out: &'a mut Vec<Observation>,
        fingerprinter: &'a Fingerprinter,
        now: Timestamp,
    ) -> Self {
        Self { out, fingerprinter, now }
    }

    /// Something was shown, under `rule`.
    pub(crate) fn say(&mut self, rule: &'static Rule, shown: Shown) {
        self.out.push(Observation { rule: RuleRef(rule), shown });
    }

    /// The fingerprint of a credential that was readable.
    pub(crate) fn fingerprint(&self, kind: &str, value: &[u8]) -> Fingerprint {
        self.fingerprinter.of(kind, value)
    }

    /// When the bytes arrived.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }
}
