//! Telnet: a login by prompts, where prompts, answers and a session that follows are all seen.
//!
//! A terminal session has no accept code. So it is decided only where the receiver asked for a name and a password,
//! both came, and it then took a command and answered it without asking again; anything else is left undecided.
//! Sources: RFC 854 and 855 (commands, options, subnegotiation), RFC 2941 and 2946 (authentication, encryption).

use zeroize::{Zeroize, Zeroizing};

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::telnet_block::{self, Blocks, Said, Start};
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "telnet.password-prompt", v 1, Observed, Wire,
        "The receiver's text asked for a password",
        "Whether another name is let in without";
    PASSWORD = "telnet.password-sent", v 1, Observed, Wire,
        "The caller sent a line in clear where a password was asked for",
        "Keys that edit a line may make it another";
    SESSION = "telnet.session-opened", v 1, Observed, Wire,
        "After the password the receiver took a line from the caller and answered it without asking for a login again",
        "Its text was read as words: there is no accept code";
    WRONG = "telnet.login-refused", v 1, Observed, Wire,
        "The receiver's text said that the login is wrong",
        "Its text was read as words: there is no refusal code";
    PRIVATE = "telnet.authentication-option", v 1, Observed, Wire,
        "Both sides exchanged authentication or encryption by an option (37, 38)",
        "What was proved is not known";
    SCREENS = "telnet.block-terminal", v 1, Observed, Wire,
        "The caller named a terminal of blocks (3270 or 5250), whose screens began",
        "A sign-on on a screen is not read: what was proved is not known";
    DEVICE = "telnet.device-named", v 1, Observed, Wire,
        "The caller named the device (logical unit) that it wants to be (TN3270E CONNECT)",
        "Nothing proves the name";
    DEVICE_REFUSED = "telnet.device-refused", v 1, Observed, Wire,
        "The receiver refused the device that was asked for (TN3270E REJECT)",
        "Nothing is said about the user";
    SIGN_ON = "telnet.automatic-sign-on", v 1, Observed, Wire,
        "The caller sent a user and a password, or a substitute made from it, by environment variables (TN5250)",
        "Whether the receiver looks at them";
    SIGNED_ON = "telnet.session-started", v 1, Observed, Wire,
        "After an automatic sign-on the receiver answered that the session started (I901, I902)",
        "What the session lets the caller do";
    SIGN_ON_FAILED = "telnet.sign-on-failed", v 1, Observed, Wire,
        "The receiver answered an automatic sign-on by a security failure (8936)",
        "Which part of the proof was wrong";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Telnet,
    call: |bytes| match bytes.first() {
        // The caller may answer no option and simply type.
        Some(byte) if byte.is_ascii_graphic() || byte.is_ascii_whitespace() => Likeness::Like,
        _ => negotiation(bytes),
    },
    reply: negotiation,
    begin: || Box::new(Telnet::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Interpret as command, and the commands that matter.
const IAC: u8 = 255;
const SUBNEGOTIATION: u8 = 250;
const END: u8 = 240;
/// Longest subnegotiation, and longest text of one side between two lines of the other.
const HELD: usize = 1024;
/// Most text that is passed before a login is seen.
const BEFORE: u32 = 65_536;
/// Words that end a prompt.
const NAME_PROMPTS: &[&str] = &["login:", "username:", "user:", "user name:", "name:"];
const PASSWORD_PROMPTS: &[&str] = &["password:", "passcode:", "passwd:"];
/// Words of a refusal.
const REFUSALS: &[&str] = &[
    "incorrect",
    "invalid",
    "failed",
    "denied",
    "bad password",
    "wrong",
    "fail",
    "error in auth",
    "refused",
];

/// `IAC`, a command of negotiation, an option.
fn negotiation(bytes: &[u8]) -> Likeness {
    match bytes {
        [] | [IAC] | [IAC, 251..=254] => Likeness::Unsure,
        [IAC, 251..=254, 0..=49 | 255, ..] => Likeness::Like,
        _ => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default)]
struct Telnet {
    /// The receiver's text since the caller's last line, its last bytes only.
    text: Zeroizing<Vec<u8>>,
    /// What the caller typed since its last line.
    typed: Zeroizing<Vec<u8>>,
    name: Zeroizing<Vec<u8>>,
    stage: Stage,
    /// What the receiver's text asked for when the caller began its line.
    asked: Asked,
    typing: bool,
    /// The password that waits for what comes of it.
    offer: Option<(&'static Rule, Shown)>,
    passed: u32,
    /// A terminal of blocks, not of lines.
    blocks: Option<Blocks>,
    /// A password was sent by environment variables.
    signs_on: bool,
}

impl std::fmt::Debug for Telnet {
    /// Never prints what was typed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Telnet({:?})", self.stage)
    }
}

/// How far a login went.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Stage {
    #[default]
    Begin,
    /// The password was sent.
    Answered,
    /// A further line was sent, and no prompt or refusal came before it.
    Commanded,
}

/// What a text asks for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Asked {
    #[default]
    Nothing,
    Name,
    Password,
}

/// A piece of one direction.
enum Piece {
    More,
    Broken,
    /// A byte of text.
    Text(u8),
    /// A command of so many bytes, and its option.
    Command(usize, Option<u8>),
}

/// Reads a byte of text, or a command.
fn piece(bytes: &[u8]) -> Piece {
    match bytes {
        [] | [IAC] => Piece::More,
        [IAC, IAC, ..] => Piece::Command(2, None),
        [IAC, SUBNEGOTIATION] => Piece::More,
        [IAC, SUBNEGOTIATION, option, rest @ ..] => {
            match rest.windows(2).take(HELD).position(|pair| pair == [IAC, END]) {
                Some(at) => Piece::Command(at.saturating_add(5), Some(*option)),
                None if rest.len() > HELD => Piece::Broken,
                None => Piece::More,
            }
        }
        [IAC, 251..=254] => Piece::More,
        [IAC, 251..=254, ..] => Piece::Command(3, None),
        [IAC, ..] => Piece::Command(2, None),
        [byte, ..] => Piece::Text(*byte),
    }
}

/// True when the text ends with one of these, blanks aside.
fn ends_with(text: &[u8], words: &[&str]) -> bool {
    let lower = Zeroizing::new(text.trim_ascii_end().to_ascii_lowercase());
    words.iter().any(|word| lower.ends_with(word.as_bytes()))
}

impl Telnet {
    /// Appends a byte without ever leaving a moved buffer behind.
    fn keep(held: &mut Zeroizing<Vec<u8>>, byte: u8) {
        if held.capacity() < HELD {
            **held = Vec::with_capacity(HELD);
        }
        if held.len() >= HELD {
            let half = held.len() / 2;
            held.copy_within(half.., 0);
            let rest = held.len().saturating_sub(half);
            if let Some(tail) = held.get_mut(rest..) {
                tail.zeroize();
            }
            held.truncate(rest);
        }
        held.push(byte);
    }

    /// The caller types the first key of a line: what the receiver showed until now was its answer, and its question.
    /// `true` once that settles it.
    fn turn(&mut self, notes: &mut Notes<'_>) -> bool {
        self.asked = if ends_with(&self.text, PASSWORD_PROMPTS) {
            Asked::Password
        } else if ends_with(&self.text, NAME_PROMPTS) {
            Asked::Name
        } else {
            Asked::Nothing
        };
        match (self.stage, self.asked) {
            (Stage::Answered, Asked::Password | Asked::Name) => self.refused(notes),
            (Stage::Commanded, Asked::Nothing) if !self.says_refused() && self.text.contains(&b'\n') => {
                self.say_offer(notes);
                notes.say(&SESSION, Shown::Serves { operation: Operation::Service });
                return true;
            }
            (Stage::Commanded, _) => {
                // A second question, or a command that failed: not decided.
                self.say_offer(notes);
                self.stage = Stage::Begin;
            }
            (Stage::Begin, _) | (Stage::Answered, Asked::Nothing) => {}
        }
        false
    }

    /// The caller ended a line.
    fn line(&mut self, notes: &mut Notes<'_>) {
        match (self.asked, self.stage) {
            (Asked::Password, _) => {
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                self.offer = Some(sasl::password_offer(&PASSWORD, &self.name, &self.typed, notes));
                self.stage = Stage::Answered;
            }
            (Asked::Name, _) => {
                self.name = self.typed.clone();
                self.stage = Stage::Begin;
            }
            (Asked::Nothing, Stage::Answered)
                if !self.text.trim_ascii().is_empty() && !self.says_refused() =>
            {
                self.stage = Stage::Commanded;
            }
            (Asked::Nothing, Stage::Begin | Stage::Answered | Stage::Commanded) => {}
        }
        self.typing = false;
        self.typed.zeroize();
        self.text.zeroize();
    }

    fn say_offer(&mut self, notes: &mut Notes<'_>) {
        if let Some((rule, shown)) = self.offer.take() {
            notes.say(rule, shown);
        }
    }

    fn says_refused(&self) -> bool {
        let lower = String::from_utf8_lossy(&self.text).to_ascii_lowercase();
        REFUSALS.iter().any(|word| lower.contains(word))
    }

    /// A subnegotiation of a terminal of blocks.
    fn block(&mut self, said: Said<'_>, notes: &mut Notes<'_>) {
        match said {
            Said::Terminal(blocks) => self.blocks = Some(blocks),
            Said::Device(name) => {
                self.blocks = Some(Blocks::Screens3270);
                if let Some(name) = name {
                    let principal = Some(Principal::bounded(PrincipalKind::User, name));
                    let scope = Scope::Connection;
                    notes.say(
                        &DEVICE,
                        Shown::Offers { proof: Proof::Claim, scope, principal, credential: None },
                    );
                }
            }
            Said::Rejected => notes.say(&DEVICE_REFUSED, Shown::Refuses { why: Refusal::Other }),
            Said::SignOn { name, password, cleartext } => {
                self.signs_on = true;
                let fingerprint = cleartext.then(|| notes.fingerprint("password", password));
                let credential =
                    Credential { fingerprint, cleartext, ..Credential::of(CredentialKind::Password) };
                let principal = (!name.is_empty()).then(|| Principal::bounded(PrincipalKind::User, name));
                let (proof, scope) = (Proof::Secret, Scope::Connection);
                notes.say(&SIGN_ON, Shown::Offers { proof, scope, principal, credential: Some(credential) });
            }
        }
    }

    /// A byte of a terminal of blocks; `true` once that settles it.
    fn screen(&mut self, from: Role, byte: u8, notes: &mut Notes<'_>) -> bool {
        if from == Role::Responder {
            Self::keep(&mut self.text, byte);
        }
        match (self.blocks, telnet_block::start(&self.text)) {
            (Some(Blocks::Screens5250), Start::More) if self.text.len() < telnet_block::START => {
                return false;
            }
            (Some(Blocks::Screens5250), Start::Started) if self.signs_on => {
                notes.say(&SIGNED_ON, Shown::Accepts);
                notes.say(&SIGNED_ON, Shown::Serves { operation: Operation::Service });
            }
            (Some(Blocks::Screens5250), Start::Failed) if self.signs_on => {
                notes.say(&SIGN_ON_FAILED, Shown::Refuses { why: Refusal::ProofWrong });
            }
            _ => notes.say(&SCREENS, Shown::Hidden { why: Hidden::Unsupported }),
        }
        true
    }

    /// After the password came a question again.
    fn refused(&mut self, notes: &mut Notes<'_>) {
        let proved = matches!(&self.offer, Some((_, Shown::Offers { proof: Proof::Secret, .. })));
        self.say_offer(notes);
        let why = if proved && self.says_refused() { Refusal::ProofWrong } else { Refusal::Other };
        notes.say(&WRONG, Shown::Refuses { why });
        self.stage = Stage::Begin;
    }
}

impl Dissector for Telnet {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match piece(input.bytes()) {
            Piece::More => return Next::More,
            Piece::Broken => return Next::Lost(Hidden::Unsupported),
            Piece::Command(count, option) => {
                if matches!(option, Some(37 | 38)) && from == Role::Originator {
                    notes.say(&PRIVATE, Shown::Hidden { why: Hidden::Encrypted });
                    return Next::Settled;
                }
                let content = input.bytes().get(3..count.saturating_sub(2)).unwrap_or_default();
                if let Some(said) = option.and_then(|option| telnet_block::said(from, option, content)) {
                    self.block(said, notes);
                }
                input.read(count);
                return Next::More;
            }
            Piece::Text(byte) => {
                input.read(1);
                self.passed = self.passed.saturating_add(1);
                if self.passed > BEFORE {
                    return Next::Lost(Hidden::Unsupported);
                }
                if self.blocks.is_some() {
                    return if self.screen(from, byte, notes) { Next::Settled } else { Next::More };
                }
                if from == Role::Responder {
                    Self::keep(&mut self.text, byte);
                    return Next::More;
                }
                if matches!(byte, b'\n' | 0) {
                    return Next::More;
                }
                if !std::mem::replace(&mut self.typing, true) && self.turn(notes) {
                    return Next::Settled;
                }
                match byte {
                    b'\r' => self.line(notes),
                    8 | 127 => {
                        self.typed.pop();
                    }
                    byte => Self::keep(&mut self.typed, byte),
                }
            }
        }
        Next::More
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        let asks = ends_with(&self.text, PASSWORD_PROMPTS) || ends_with(&self.text, NAME_PROMPTS);
        if whole && asks && self.stage == Stage::Answered {
            self.refused(notes);
        }
        self.say_offer(notes);
    }
}
