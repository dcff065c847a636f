//! STOMP: who may send to and read from a broker.
//!
//! Source: STOMP 1.0, 1.1 and 1.2 (frames: a command, fields, an empty line, a body, a zero).

use zeroize::Zeroizing;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::text_line;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    PASSWORD = "stomp.password-sent", v 1, Observed, Wire,
        "The caller sent a login and a passcode in clear",
        "Whether the receiver looks at them";
    ACCEPTED = "stomp.proof-not-refused", v 1, Observed, Wire,
        "After a passcode was sent, the receiver opened the session instead of refusing",
        "Whether it would have done so without";
    SERVED = "stomp.session-opened", v 1, Observed, Wire,
        "The receiver opened a session (CONNECTED)",
        "Which destinations the caller may use";
    REFUSED = "stomp.session-refused", v 1, Observed, Wire,
        "The receiver refused the session (ERROR)",
        "Its text alone says whether the proof was the reason";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Stomp,
    call: |bytes| command(bytes, &[b"CONNECT", b"STOMP"]),
    reply: |bytes| command(bytes, &[b"CONNECTED", b"ERROR"]),
    begin: || Box::new(Stomp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest frame that is read.
const FRAME: usize = 12_288;

/// A command that ends its line.
fn command(bytes: &[u8], names: &[&[u8]]) -> Likeness {
    let of = |name: &&[u8]| match Likeness::starts_with(bytes, name) {
        Likeness::Like => match bytes.get(name.len()..).unwrap_or_default() {
            [] | [b'\r'] => Likeness::Unsure,
            [b'\n', ..] | [b'\r', b'\n', ..] => Likeness::Like,
            [_, ..] => Likeness::Unlike,
        },
        other @ (Likeness::Unlike | Likeness::Unsure) => other,
    };
    text_line::any(&names.iter().map(of).collect::<Vec<_>>())
}

/// One flow.
#[derive(Default, Debug)]
struct Stomp {
    asked: bool,
    proved: bool,
}

impl Dissector for Stomp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if (from == Role::Originator) == self.asked {
            // What the caller sends after CONNECT decides nothing until it is answered, and answers come after it.
            return Next::More;
        }
        let bytes = input.bytes();
        let Some(end) = bytes.iter().take(FRAME).position(|byte| *byte == 0) else {
            return if bytes.len() < FRAME { Next::More } else { Next::Lost(Hidden::Unsupported) };
        };
        let frame = Zeroizing::new(bytes.get(..end).unwrap_or_default().to_vec());
        input.read(end.saturating_add(1));
        let mut lines =
            frame.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let name = lines.next().unwrap_or_default();
        let fields: Vec<&[u8]> = lines.take_while(|line| !line.is_empty()).collect();
        let field = |wanted: &[u8]| {
            fields
                .iter()
                .find_map(|line| line.strip_prefix(wanted)?.strip_prefix(b":"))
                .map(<[u8]>::trim_ascii)
        };
        if from == Role::Originator {
            let (login, passcode) = (field(b"login"), field(b"passcode").unwrap_or_default());
            self.asked = true;
            self.proved = !passcode.is_empty();
            if self.proved || login.is_some_and(|login| !login.is_empty()) {
                let (rule, shown) =
                    sasl::password_offer(&PASSWORD, login.unwrap_or_default(), passcode, notes);
                notes.say(rule, shown);
            }
            return Next::More;
        }
        if name == b"CONNECTED" {
            if self.proved {
                notes.say(&ACCEPTED, Shown::Accepts);
            }
            notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
        } else {
            let text = String::from_utf8_lossy(&frame).to_ascii_lowercase();
            let identity =
                ["credential", "password", "passcode", "authenticat", "login", "security", "access refused"];
            let why = match (identity.iter().any(|word| text.contains(word)), self.proved) {
                (true, true) => Refusal::ProofWrong,
                (true, false) => Refusal::ProofMissing,
                (false, _) => Refusal::Other,
            };
            notes.say(&REFUSED, Shown::Refuses { why });
        }
        Next::Settled
    }
}
