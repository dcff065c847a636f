//! 9P: the name under which a file tree was attached, and whether a proof came before.
//!
//! Sources: Plan 9 manual section 5 (version, auth, attach, error), 9P2000.u and 9P2000.L (Linux
//! `Documentation/filesystems/9p.rst`: the numeric user after the names, Rlerror).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    NAMED = "9p.user-named", v 1, Observed, Wire,
        "The caller attached a file tree under a user's name and sent no proof",
        "Nothing proves the name";
    ATTACHED = "9p.tree-attached", v 1, Observed, Wire,
        "The receiver attached the tree",
        "Which files the named user may read";
    UNKNOWN_PROOF = "9p.attached-after-authentication", v 1, Observed, Wire,
        "The receiver attached the tree after an exchange of authentication that is not read",
        "What was proved is not known";
    REFUSED = "9p.attach-refused", v 1, Observed, Wire,
        "The receiver refused to attach the tree",
        "Whether the name, the tree or a missing proof was the reason";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Ninep,
    call: |bytes| version(bytes, TVERSION),
    reply: |bytes| version(bytes, RVERSION),
    begin: || Box::new(Ninep::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Messages.
const TVERSION: u8 = 100;
const RVERSION: u8 = 101;
const TATTACH: u8 = 104;
const RATTACH: u8 = 105;
const RERROR: u8 = 107;
const RLERROR: u8 = 7;
/// No authentication came before an attach.
const NO_FID: u32 = 0xffff_ffff;
/// How much of an attach is read.
const ATTACH: usize = 1024;

/// Size, type, no tag, largest message, and a version's text.
fn version(bytes: &[u8], kind: u8) -> Likeness {
    let fits = |(at, byte): (usize, &u8)| match at {
        0 | 7..=10 => true,
        4 => *byte == kind,
        5 | 6 => *byte == 0xff,
        11 => *byte < 64,
        _ => *byte == 0,
    };
    if !bytes.iter().enumerate().take(13).all(fits) {
        return Likeness::Unlike;
    }
    match bytes.get(13..) {
        Some(text) => Likeness::starts_with(text, b"9P2000"),
        None => Likeness::Unsure,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Ninep {
    begun: bool,
    /// Tag of an attach without an answer, and whether authentication came before.
    attach: Option<([u8; 2], bool)>,
    named: bool,
}

impl Ninep {
    /// Fid, fid of the authentication, user, tree.
    fn attach(&mut self, tag: [u8; 2], body: &[u8], notes: &mut Notes<'_>) -> Option<()> {
        let mut cursor = Cursor(body);
        cursor.take(4)?;
        let authentication = u32::from_le_bytes(cursor.array()?);
        let length = u16::from_le_bytes(cursor.array()?);
        let user = cursor.take(usize::from(length))?;
        let proved = authentication != NO_FID;
        self.attach = Some((tag, proved));
        if !proved && !std::mem::replace(&mut self.named, true) {
            notes.say(&NAMED, sasl::name_offer(user));
        }
        Some(())
    }
}

impl Dissector for Ninep {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.begun {
            return Next::More;
        }
        let Some(([a, b, c, d, kind, low, high], rest)) = input.bytes().split_first_chunk::<7>() else {
            return Next::More;
        };
        let (kind, tag) = (*kind, [*low, *high]);
        let length = u32::from_le_bytes([*a, *b, *c, *d]);
        if length < 7 {
            return Next::Lost(Hidden::Unsupported);
        }
        let needed = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(7).min(ATTACH);
        let needed = if from == Role::Originator && kind == TATTACH { needed } else { 0 };
        let Some(body) = rest.get(..needed) else { return Next::More };
        match (from, kind, self.attach) {
            (Role::Originator, TATTACH, None) => {
                if self.attach(tag, body, notes).is_none() {
                    return Next::Lost(Hidden::Unsupported);
                }
            }
            (Role::Originator, ..) => self.begun = true,
            (Role::Responder, RATTACH, Some((asked, proved))) if asked == tag => {
                if proved {
                    notes.say(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
                } else {
                    notes.say(&ATTACHED, Shown::Serves { operation: Operation::Service });
                }
                return Next::Settled;
            }
            (Role::Responder, RERROR | RLERROR, Some((asked, _))) if asked == tag => {
                self.attach = None;
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
            }
            (Role::Responder, ..) => {}
        }
        input.skip(u64::from(length));
        Next::More
    }
}
