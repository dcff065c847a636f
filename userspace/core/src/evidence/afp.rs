//! AFP over DSI: the user authentication method that a client logs in by, and the server's result.
//!
//! Source: Apple "Apple Filing Protocol Programming Guide" and Reference (DSI header and commands, FPLogin, FPLoginExt,
//! FPLoginCont, user authentication methods, result codes).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::gss_token;
use super::sasl;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    GUEST = "afp.guest-login", v 1, Observed, Wire,
        "The client asked to be let in as a guest (No User Authent)",
        "Nothing proves who it is";
    PASSWORD = "afp.password-sent", v 1, Observed, Wire,
        "The client sent a user name and a password in clear (Cleartxt Passwrd)",
        "Whether the server looks at them";
    CHALLENGE = "afp.password-proved", v 1, Observed, Wire,
        "The client logged in by a method in which the password is proved or encrypted (random number, DHX, DHX2, SRP)",
        "The password itself is not visible";
    TICKET = "afp.ticket-sent", v 1, Observed, Wire,
        "The client logged in by a Kerberos ticket",
        "The name in the ticket is encrypted";
    ACCEPTED = "afp.proof-accepted", v 1, Observed, Wire,
        "The server ended the login with success after a proof",
        "Which volumes the user may mount";
    OPENED = "afp.session-opened", v 1, Observed, Wire,
        "The server let the client in",
        "Which volumes it may mount";
    UNKNOWN_PROOF = "afp.unknown-proof-accepted", v 1, Observed, Wire,
        "The server let the client in by a method that no rule knows, or whose proof was not seen",
        "What was proved is not known";
    REFUSED = "afp.login-refused", v 1, Observed, Wire,
        "The server refused the login (user not authenticated)",
        "Whether the name or the proof was wrong";
    FAILED = "afp.login-failed", v 1, Observed, Wire,
        "The server ended the login with another error",
        "Nothing is said about what it checks";
    STATUS = "afp.status-served", v 1, Observed, Wire,
        "The server told its name and methods, as it does for anyone",
        "Nothing is said about who it lets in";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Afp,
    call: |bytes| head_likeness(bytes, 0),
    reply: |bytes| head_likeness(bytes, 1),
    begin: || Box::new(Afp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Length of a DSI header, and how much of what follows is read.
const HEADER: usize = 16;
const BODY: usize = 8192;
/// DSI commands.
const COMMAND: u8 = 2;
const GET_STATUS: u8 = 3;
/// AFP commands.
const LOGIN: u8 = 18;
const LOGIN_CONT: u8 = 19;
const LOGIN_EXT: u8 = 63;
/// Results: go on, and the user is not who it says.
const AUTH_CONTINUE: i32 = -5001;
const USER_NOT_AUTHENTICATED: i32 = -5023;

/// Flags, the command that opens a session or asks for the status, an id, no offset, a short length, nothing.
fn head_likeness(bytes: &[u8], flags: u8) -> Likeness {
    for (at, byte) in bytes.iter().enumerate().take(HEADER) {
        let fits = match at {
            0 => *byte == flags,
            1 => matches!(byte, 3 | 4),
            // Request id, result, and the length's lower half.
            2 | 3 | 10 | 11 => true,
            _ => *byte == 0,
        };
        if !fits {
            return Likeness::Unlike;
        }
    }
    if bytes.len() < HEADER { Likeness::Unsure } else { Likeness::Like }
}

/// How a login proves its user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Method {
    Guest,
    Clear,
    /// The proof comes with FPLoginCont.
    Later,
    Kerberos,
    Unknown,
}

/// One flow.
#[derive(Default, Debug)]
struct Afp {
    /// Id of a login's request that waits for its result.
    waits: Option<u16>,
    status: Option<u16>,
    method: Option<Method>,
    user: Vec<u8>,
    proved: bool,
    unread: bool,
}

/// A length in one byte, and so many bytes.
fn short<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = cursor.byte()?;
    cursor.take(usize::from(length))
}

fn method(name: &[u8]) -> Method {
    match name {
        b"No User Authent" => Method::Guest,
        b"Cleartxt Passwrd" => Method::Clear,
        b"Randnum Exchange" | b"2-Way Randnum" | b"DHCAST128" | b"DHX2" | b"Recon1" | b"SRP" => Method::Later,
        b"Client Krb v2" => Method::Kerberos,
        _ => Method::Unknown,
    }
}

impl Afp {
    fn say(&mut self, rule: &'static Rule, shown: Shown, notes: &mut Notes<'_>) {
        self.proved |= matches!(&shown, Shown::Offers { proof, .. } if *proof != Proof::Claim);
        notes.say(rule, shown);
    }

    /// FPLogin and FPLoginExt: version, method, user, and what the method adds.
    fn login(&mut self, extended: bool, body: &[u8], notes: &mut Notes<'_>) -> Option<()> {
        let mut cursor = Cursor(body);
        if extended {
            cursor.take(3)?;
        }
        short(&mut cursor)?;
        let found = method(short(&mut cursor)?);
        self.method = Some(found);
        if found == Method::Guest {
            self.say(&GUEST, sasl::name_offer(b""), notes);
            return Some(());
        }
        let user = if extended {
            cursor.byte()?;
            let length = u16::from_be_bytes(cursor.array()?);
            cursor.take(usize::from(length))?
        } else {
            short(&mut cursor)?
        };
        self.user = user.get(..user.len().min(256)).unwrap_or_default().to_vec();
        if extended {
            // A path in which the user is looked up, and padding to an even place.
            cursor.byte()?;
            let length = u16::from_be_bytes(cursor.array()?);
            cursor.take(usize::from(length))?;
        }
        match found {
            Method::Clear => {
                let password = cursor.0.get(cursor.0.len().saturating_sub(8)..)?;
                let end = password.iter().rposition(|byte| *byte != 0).map_or(0, |at| at.saturating_add(1));
                let password = password.get(..end).unwrap_or_default();
                let (rule, shown) = sasl::password_offer(&PASSWORD, user, password, notes);
                self.say(rule, shown, notes);
            }
            Method::Kerberos => self.ticket(cursor.0, notes),
            Method::Guest | Method::Later | Method::Unknown => {}
        }
        Some(())
    }

    /// A ticket stands somewhere behind padding and its length.
    fn ticket(&mut self, rest: &[u8], notes: &mut Notes<'_>) {
        let starts =
            rest.iter().enumerate().filter(|(_, byte)| matches!(byte, 0x60 | 0x6e)).map(|(at, _)| at).take(8);
        let found = starts.filter_map(|at| gss_token::presented(rest.get(at..)?)).next();
        if let Some(found) = found {
            self.say(&TICKET, found.offer(), notes);
        }
    }

    fn call(&mut self, id: u16, body: &[u8], notes: &mut Notes<'_>) {
        match body.split_first() {
            Some((&command @ (LOGIN | LOGIN_EXT), rest)) => {
                self.waits = Some(id);
                // Another login begins: what an earlier one proved is not proof of this one.
                self.proved = false;
                self.unread = self.login(command == LOGIN_EXT, rest, notes).is_none();
            }
            Some((&LOGIN_CONT, rest)) => {
                self.waits = Some(id);
                match self.method {
                    Some(Method::Later) if !self.proved => {
                        let shown = sasl::challenge_offer(&self.user);
                        self.say(&CHALLENGE, shown, notes);
                    }
                    Some(Method::Kerberos) if !self.proved => self.ticket(rest, notes),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn result(&self, result: i32, notes: &mut Notes<'_>) -> Next {
        match result {
            AUTH_CONTINUE => return Next::More,
            0 if self.unread || !self.proved && self.method != Some(Method::Guest) && !self.is_claim() => {
                notes.say(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
            }
            0 => {
                if self.proved {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
            }
            USER_NOT_AUTHENTICATED => {
                let why = if self.proved { Refusal::ProofWrong } else { Refusal::ProofMissing };
                notes.say(&REFUSED, Shown::Refuses { why });
                return Next::More;
            }
            _ => {
                notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
                return Next::More;
            }
        }
        Next::Settled
    }

    /// An empty password is a name alone.
    fn is_claim(&self) -> bool {
        self.method == Some(Method::Clear)
    }
}

impl Dissector for Afp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Next::More };
        let [flags, command, id_high, id_low, r0, r1, r2, r3, l0, l1, l2, l3, ..] = *header;
        if flags > 1 || command > 8 {
            return Next::Lost(Hidden::Unsupported);
        }
        let id = u16::from_be_bytes([id_high, id_low]);
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let answers = flags == 1;
        match (from, answers) {
            // Requests of the server and answers of the client decide nothing.
            (Role::Responder, false) | (Role::Originator, true) => {}
            (Role::Originator, false) if command == COMMAND => {
                let needed = usize::try_from(length).unwrap_or(usize::MAX).min(BODY);
                let Some(body) = rest.get(..needed) else { return Next::More };
                self.call(id, body, notes);
            }
            (Role::Originator, false) => {
                if command == GET_STATUS {
                    self.status = Some(id);
                }
            }
            (Role::Responder, true) if self.waits == Some(id) => {
                self.waits = None;
                if let Next::Settled = self.result(i32::from_be_bytes([r0, r1, r2, r3]), notes) {
                    return Next::Settled;
                }
            }
            (Role::Responder, true) if self.status == Some(id) => {
                self.status = None;
                notes.say(&STATUS, Shown::Serves { operation: Operation::Public });
            }
            (Role::Responder, true) => {}
        }
        input.skip(u64::from(length).saturating_add(HEADER as u64));
        Next::More
    }
}
