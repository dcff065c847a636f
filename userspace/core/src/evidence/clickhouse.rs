//! ClickHouse's native protocol: Hello with a user and a password.
//!
//! Sources: clickhouse.com "Native protocol" (client and server packets: Hello 0, Exception 2; strings after a varint of
//! their length), ClickHouse's `ErrorCodes` (516 AUTHENTICATION_FAILED, 192 to 195 of users and passwords).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    PASSWORD = "clickhouse.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (Hello)",
        "Whether the receiver serves those who send none";
    ACCEPTED = "clickhouse.proof-accepted", v 1, Observed, Wire,
        "The receiver answered Hello with its own after a password was sent",
        "Whether the user has a password at all";
    OPENED = "clickhouse.session-opened", v 1, Observed, Wire,
        "The receiver answered Hello with its own: queries may follow",
        "Whether it looked at the caller's address; what the user may do";
    REFUSED = "clickhouse.authentication-failed", v 1, Observed, Wire,
        "The receiver refused the user, the password or the place (AUTHENTICATION_FAILED and older codes)",
        "Which of them was wrong";
    FAILED = "clickhouse.exception", v 1, Observed, Wire,
        "The receiver answered Hello with another exception",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Clickhouse,
    call: |bytes| match bytes {
        // Hello, and the client's name, which has at least four letters.
        [0, 4..=64, a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_graphic()) => {
            Likeness::Like
        }
        [] | [0] | [0, 4..=64] => Likeness::Unsure,
        [0, 4..=64, rest @ ..] if rest.len() < 4 && rest.iter().all(u8::is_ascii_graphic) => Likeness::Unsure,
        _ => Likeness::Unlike,
    },
    reply: |bytes| match bytes {
        [0, ..] => Likeness::starts_with(bytes, b"\0\x0aClickHouse"),
        // Exception: code, then its name.
        [2, _, _, _, _, rest @ ..] if !rest.is_empty() => Likeness::starts_with(rest, b"\x0dDB::Exception"),
        [] | [2] | [2, _] | [2, _, _] | [2, _, _, _] | [2, _, _, _, _] => Likeness::Unsure,
        _ => Likeness::Unlike,
    },
    begin: || Box::new(Clickhouse::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest string of Hello.
const STRING: u64 = 4096;

/// One flow.
#[derive(Default, Debug)]
struct Clickhouse {
    asked: bool,
    proved: bool,
}

/// Why a field can't be read.
enum Missing {
    More,
    Broken,
}

fn varint(cursor: &mut Cursor<'_>) -> Result<u64, Missing> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let byte = cursor.byte().ok_or(Missing::More)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Missing::Broken)
}

fn string<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Missing> {
    let length = varint(cursor)?;
    if length > STRING {
        return Err(Missing::Broken);
    }
    cursor.take(usize::try_from(length).unwrap_or(usize::MAX)).ok_or(Missing::More)
}

impl Clickhouse {
    /// Name, version in two numbers, revision, database, user, password.
    fn hello(&mut self, bytes: &[u8], notes: &mut Notes<'_>) -> Result<usize, Missing> {
        let mut cursor = Cursor(bytes);
        varint(&mut cursor)?;
        string(&mut cursor)?;
        for _ in 0..3 {
            varint(&mut cursor)?;
        }
        string(&mut cursor)?;
        let (user, password) = (string(&mut cursor)?, string(&mut cursor)?);
        let (rule, shown) = sasl::password_offer(&PASSWORD, user, password, notes);
        self.proved = matches!(&shown, Shown::Offers { proof: Proof::Secret, .. });
        notes.say(rule, shown);
        self.asked = true;
        Ok(bytes.len().saturating_sub(cursor.0.len()))
    }
}

impl Dissector for Clickhouse {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if self.asked != (from == Role::Responder) {
            return Next::More;
        }
        let bytes = input.bytes();
        if from == Role::Originator {
            return match self.hello(bytes, notes) {
                Ok(count) => {
                    input.read(count);
                    Next::More
                }
                Err(Missing::More) => Next::More,
                Err(Missing::Broken) => Next::Lost(Hidden::Unsupported),
            };
        }
        match *bytes {
            [0, ..] => {
                if self.proved {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
            }
            [2, a, b, c, d, ..] => {
                // UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, IP_ADDRESS_NOT_ALLOWED, AUTHENTICATION_FAILED.
                let (rule, why): (&'static Rule, Refusal) = match u32::from_le_bytes([a, b, c, d]) {
                    194 => (&REFUSED, Refusal::ProofMissing),
                    195 => (&REFUSED, Refusal::Place),
                    192 | 193 | 516 if self.proved => (&REFUSED, Refusal::ProofWrong),
                    192 | 193 | 516 => (&REFUSED, Refusal::ProofMissing),
                    _ => (&FAILED, Refusal::Other),
                };
                notes.say(rule, Shown::Refuses { why });
            }
            [] | [2, ..] => return Next::More,
            _ => return Next::Lost(Hidden::Unsupported),
        }
        Next::Settled
    }
}
