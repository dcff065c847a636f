//! FastCGI, by which a web server hands requests to an application: the caller is the web server, which proves nothing;
//! what the request itself carries comes as variables.
//!
//! Sources: FastCGI Specification 1.0 sections 3.3 (records), 3.4 (name-value pairs), 5 and 6; RFC 3875 section 4.1
//! (variables) and 6.3.3 (Status).

use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::http_credential;
use super::http_request::is_public;
use super::relayed_request::{Answers, Relayed, answers};
use super::told::Told;
use super::{Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    NAMED = "fastcgi.user-named", v 1, Observed, Wire,
        "The web server named a user whom it is said to have identified (REMOTE_USER)",
        "Whoever can reach this port can write the same";
    ACCEPTED = "fastcgi.proof-not-refused", v 1, Observed, Wire,
        "The application answered a request that carried a proof without refusing it",
        "Whether it would have answered so without";
    SERVED = "fastcgi.request-served", v 1, Observed, Wire,
        "The application answered a request with success",
        "What it checked outside the request";
    PUBLIC = "fastcgi.public-request-served", v 1, Observed, Wire,
        "The application answered a request that is open to anyone by its address, or told its own limits",
        "Nothing is said about what else it serves";
    DEMANDED = "fastcgi.unauthorized", v 1, Observed, Wire,
        "The application answered 401: it wants the caller's proof",
        "Which proof would have been enough";
    FORBIDDEN = "fastcgi.forbidden", v 1, Observed, Wire,
        "The application answered 403",
        "Whether the user or the request was the reason";
    FAILED = "fastcgi.request-failed", v 1, Observed, Wire,
        "The application answered with another error",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Fastcgi,
    // FCGI_BEGIN_REQUEST: request id, length 8, role 1 to 3; or FCGI_GET_VALUES of request 0.
    call: |bytes| {
        let fits = |(at, byte): (usize, &u8)| match at {
            0 => *byte == 1,
            1 => matches!(byte, 1 | 9),
            5 => bytes.get(1) == Some(&9) || *byte == 8,
            8 => bytes.get(1) == Some(&9) || *byte == 0,
            9 => bytes.get(1) == Some(&9) || matches!(byte, 1..=3),
            4 | 7 => *byte == 0,
            _ => true,
        };
        if !bytes.iter().enumerate().take(10).all(fits) {
            Likeness::Unlike
        } else if bytes.len() < 10 {
            Likeness::Unsure
        } else {
            Likeness::Like
        }
    },
    reply: |bytes| match bytes {
        [1, 3 | 6 | 7 | 10 | 11, ..] => Likeness::Like,
        [] | [1] => Likeness::Unsure,
        _ => Likeness::Unlike,
    },
    begin: || Box::new(Fastcgi::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

static ANSWERS: Answers = answers!();

/// Most bytes of variables that are kept, and how much of an answer is looked at.
const VARIABLES: usize = 16_384;
const HEAD: usize = 1024;
/// Types of records.
const BEGIN_REQUEST: u8 = 1;
const END_REQUEST: u8 = 3;
const PARAMS: u8 = 4;
const STDOUT: u8 = 6;
const GET_VALUES_RESULT: u8 = 10;

/// One flow.
#[derive(Default)]
struct Fastcgi {
    variables: Zeroizing<Vec<u8>>,
    request: Option<Relayed>,
    answered: bool,
    told: Told,
}

impl std::fmt::Debug for Fastcgi {
    /// Never prints what was sent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fastcgi({:?})", self.request)
    }
}

/// A length in one byte, or in four of which the first bit is set.
fn length(cursor: &mut Cursor<'_>) -> Option<usize> {
    let first = cursor.byte()?;
    if first & 0x80 == 0 {
        return Some(usize::from(first));
    }
    let [a, b, c] = cursor.array()?;
    usize::try_from(u32::from_be_bytes([first & 0x7f, a, b, c])).ok()
}

impl Fastcgi {
    /// All variables are there.
    fn begin(&mut self, notes: &mut Notes<'_>) {
        let variables = std::mem::take(&mut self.variables);
        let mut cursor = Cursor(&variables);
        let mut pairs = Vec::new();
        // The last pair may be cut.
        while let (Some(name), Some(value)) = (length(&mut cursor), length(&mut cursor)) {
            let (Some(name), Some(value)) = (cursor.take(name), cursor.take(value)) else { break };
            pairs.push((String::from_utf8_lossy(name).into_owned(), value));
        }
        let of =
            |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map_or(&[][..], |(_, value)| *value);
        // A field comes as HTTP_, with its dashes as underscores.
        let names: Vec<(String, &[u8])> = pairs
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("HTTP_")?.replace('_', "-"), *value)))
            .collect();
        let fields: Vec<httparse::Header<'_>> =
            names.iter().map(|(name, value)| httparse::Header { name, value }).collect();
        let target = String::from_utf8_lossy(of("REQUEST_URI")).into_owned();
        let method = String::from_utf8_lossy(of("REQUEST_METHOD")).into_owned();
        let mut proved = false;
        for (rule, shown) in http_credential::offers(&target, &fields, notes) {
            proved |= matches!(&shown, Shown::Offers { proof, .. } if *proof != Proof::Claim);
            self.told.once(rule, shown, notes);
        }
        let user = of("REMOTE_USER");
        if !user.is_empty() {
            let principal = Some(Principal::bounded(PrincipalKind::User, user));
            let shown =
                Shown::Offers { proof: Proof::Claim, scope: Scope::Request, principal, credential: None };
            self.told.once(&NAMED, shown, notes);
        }
        let public = !target.is_empty() && is_public(&method, &target);
        let operation = if public { Operation::Public } else { Operation::Service };
        self.request = Some(Relayed { operation, proved });
        self.answered = false;
    }

    /// The start of an answer: its status, which is 200 where none is given.
    fn answer(&mut self, text: &[u8], notes: &mut Notes<'_>) {
        let Some(request) = self.request.filter(|_| !self.answered) else { return };
        self.answered = true;
        let head = String::from_utf8_lossy(text).to_ascii_lowercase();
        let head = head.split("\r\n\r\n").next().unwrap_or_default();
        let status = head.lines().find_map(|line| line.strip_prefix("status:"));
        let status = status.and_then(|rest| rest.trim().get(..3)?.parse().ok()).unwrap_or(200);
        request.answered(status, &ANSWERS, &mut self.told, notes);
    }
}

impl Dissector for Fastcgi {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let Some(([version, kind, _, _, high, low, padding, _], rest)) = bytes.split_first_chunk::<8>()
        else {
            return Next::More;
        };
        if *version != 1 || *kind > 11 {
            return Next::Lost(Hidden::Unsupported);
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if from == Role::Responder && matches!(*kind, STDOUT | END_REQUEST) && self.request.is_none() {
            return Next::More;
        }
        let looked_at = match (from, *kind) {
            (Role::Originator, PARAMS) => length,
            (Role::Responder, STDOUT) => length.min(HEAD),
            _ => 0,
        };
        let Some(content) = rest.get(..looked_at) else { return Next::More };
        match (from, *kind) {
            (Role::Originator, BEGIN_REQUEST) => self.request = None,
            // An empty record ends the variables.
            (Role::Originator, PARAMS) if length == 0 => self.begin(notes),
            (Role::Originator, PARAMS) => {
                if self.variables.capacity() < VARIABLES {
                    *self.variables = Vec::with_capacity(VARIABLES);
                }
                let room = VARIABLES.saturating_sub(self.variables.len());
                self.variables.extend_from_slice(content.get(..room.min(content.len())).unwrap_or_default());
            }
            (Role::Responder, STDOUT) if length > 0 => self.answer(content, notes),
            (Role::Responder, END_REQUEST) => {
                self.answer(b"", notes);
                self.request = None;
            }
            (Role::Responder, GET_VALUES_RESULT) => {
                self.told.once(&PUBLIC, Shown::Serves { operation: Operation::Public }, notes);
            }
            _ => {}
        }
        let whole = length.saturating_add(usize::from(*padding)).saturating_add(8);
        input.skip(whole as u64);
        Next::More
    }
}
