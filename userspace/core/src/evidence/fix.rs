//! FIX: who opens a trading session.
//!
//! Sources: FIX Session Layer and FIX 4.4 volume 2 (Logon, tags 49, 95, 96, 553, 554; Logout; Reject), FIX tag=value
//! encoding (8, 9, fields that end with SOH, 10).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::resp::number;
use super::sasl;
use super::text_line;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    CLAIMED = "fix.company-claimed", v 1, Observed, Wire,
        "The caller named a company or a user in its Logon and sent no proof",
        "The receiver may know the address that it calls from";
    PASSWORD = "fix.password-sent", v 1, Observed, Wire,
        "The caller sent a password in clear in its Logon (554, or 96)",
        "Whether the receiver looks at it";
    ACCEPTED = "fix.proof-not-refused", v 1, Observed, Wire,
        "After a password was sent, the receiver answered with a Logon of its own",
        "Whether it would have done so without";
    SERVED = "fix.session-opened", v 1, Observed, Wire,
        "The receiver opened a session (Logon)",
        "Not which orders it takes from this caller";
    REFUSED = "fix.session-refused", v 1, Observed, Wire,
        "The receiver refused the session (Logout or Reject)",
        "Its text alone says whether the proof was the reason";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Fix,
    call: |bytes| Likeness::starts_with(bytes, b"8=FIX"),
    reply: |bytes| Likeness::starts_with(bytes, b"8=FIX"),
    begin: || Box::new(Fix::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest message that is read as a whole.
const MESSAGE: usize = 8192;
/// Bytes of `10=nnn` and SOH.
const TRAILER: usize = 7;

/// One flow.
#[derive(Default, Debug)]
struct Fix {
    asked: bool,
    proved: bool,
}

/// The fields of one message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn get(&self, tag: &[u8]) -> Option<&'a [u8]> {
        self.0
            .split(|byte| *byte == 1)
            .find_map(|field| field.strip_prefix(tag)?.strip_prefix(b"="))
            .filter(|value| !value.is_empty())
    }
}

/// Length of the message at the start of `bytes`; `Err` where there is none.
fn length(bytes: &[u8]) -> Result<Option<usize>, Hidden> {
    let mut fields = bytes.get(..bytes.len().min(32)).unwrap_or_default().split(|byte| *byte == 1);
    let (begin, size) = (fields.next().unwrap_or_default(), fields.next());
    let (Some(size), true) = (size, fields.next().is_some()) else {
        return if bytes.len() < 32 { Ok(None) } else { Err(Hidden::Unsupported) };
    };
    let body = size.strip_prefix(b"9=").and_then(number).and_then(|body| usize::try_from(body).ok());
    let Some(body) = body.filter(|_| begin.starts_with(b"8=FIX")) else { return Err(Hidden::Unsupported) };
    Ok(Some([begin.len(), size.len(), 2, body, TRAILER].into_iter().fold(0, usize::saturating_add)))
}

impl Fix {
    fn logon(&mut self, fields: &Fields<'_>, notes: &mut Notes<'_>) {
        let user = fields.get(b"553").or_else(|| fields.get(b"49")).unwrap_or_default();
        let secret = fields.get(b"554").or_else(|| fields.get(b"96")).unwrap_or_default();
        self.asked = true;
        self.proved = !secret.is_empty();
        if self.proved {
            let (rule, shown) = sasl::password_offer(&PASSWORD, user, secret, notes);
            notes.say(rule, shown);
        } else {
            notes.say(&CLAIMED, sasl::name_offer(user));
        }
    }

    fn answer(&self, fields: &Fields<'_>, notes: &mut Notes<'_>) -> Next {
        match fields.get(b"35") {
            Some(b"A") => {
                if self.proved {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                Next::Settled
            }
            Some(b"5" | b"3") => {
                let wrong = fields.get(b"58").is_some_and(text_line::says_wrong);
                let why = if wrong && self.proved { Refusal::ProofWrong } else { Refusal::Other };
                notes.say(&REFUSED, Shown::Refuses { why });
                Next::Settled
            }
            _ => Next::More,
        }
    }
}

impl Dissector for Fix {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.asked {
            return Next::More;
        }
        let bytes = input.bytes();
        let length = match length(bytes) {
            Ok(Some(length)) => length,
            Ok(None) => return Next::More,
            Err(why) => return Next::Lost(why),
        };
        let mut next = Next::More;
        if length <= MESSAGE {
            let Some(message) = bytes.get(..length) else { return Next::More };
            let fields = Fields(message);
            match from {
                Role::Originator if fields.get(b"35") == Some(b"A") => self.logon(&fields, notes),
                Role::Originator => {}
                Role::Responder => next = self.answer(&fields, notes),
            }
        }
        input.skip(length as u64);
        next
    }
}
