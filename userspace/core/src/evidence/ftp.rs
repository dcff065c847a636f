//! FTP's control connection: who logged in, by what, and whether the login was needed.
//!
//! Sources: RFC 959 sections 4 and 5 (commands, replies), RFC 1635 (anonymous), RFC 2228 (AUTH, ADAT), RFC 4217 (TLS).

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::dissector::{Dissector, Input, Known, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::sasl;
use super::text_line::{self, Replies, Reply, begins_with_code, begins_with_word};
use super::{Credential, CredentialKind, Hidden, Operation, Proof, Protocol, Refusal, Rule, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "ftp.password-demanded", v 1, Observed, Wire,
        "The receiver asked for this user's password (331, 332)",
        "Whether another user may log in without";
    REQUIRED = "ftp.login-required", v 1, Observed, Wire,
        "The receiver refused a command of a caller that had not logged in (530)",
        "Not how a login would be proved";
    PASSWORD = "ftp.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear",
        "A receiver may take any password";
    CLAIMED = "ftp.name-claimed", v 1, Observed, Wire,
        "The caller gave a user name and no password, or the name of the anonymous user, whose password proves nothing",
        "Not what the receiver lets that user do";
    TICKET = "ftp.security-data-sent", v 1, Observed, Wire,
        "The caller answered the receiver's security mechanism (ADAT after AUTH GSSAPI), and the receiver accepted it (235)",
        "The name in the ticket is encrypted";
    ACCEPTED = "ftp.password-accepted", v 1, Observed, Wire,
        "The receiver answered the password by its accept code (230)",
        "Not what the user may do";
    LOGGED_IN = "ftp.logged-in", v 1, Observed, Wire,
        "The receiver opened a session (230, 232)",
        "Not which files it opens to this user";
    SERVED = "ftp.command-served", v 1, Observed, Wire,
        "The receiver carried out a command on files without a login",
        "Not what was in them";
    REFUSED = "ftp.login-refused", v 1, Observed, Wire,
        "The receiver refused the login (430, 530, 532)",
        "Its text alone says whether the password was the reason";
    WRAPPED = "ftp.commands-encrypted", v 1, Observed, Wire,
        "The caller's commands are encrypted by the security mechanism (ENC)",
        "Nothing is known of what they ask";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Ftp,
    call: |bytes| begins_with_word(bytes, FIRST),
    reply: |bytes| begins_with_code(bytes, &["120", "220", "421", "530"]),
    begin: || Box::new(Ftp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// What a caller may begin with and a mail client would not.
const FIRST: &[&str] =
    &["USER", "AUTH", "FEAT", "SYST", "OPTS", "CLNT", "HOST", "ACCT", "PBSZ", "LIST", "PORT", "PASV"];
/// Commands that read or change files.
const FILES: &[&str] = &[
    "RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD", "MLST", "DELE", "RMD", "MKD", "RNTO", "SIZE",
    "MDTM",
];
/// Most commands that wait for their reply.
const UNANSWERED: usize = 64;
/// Replies that are watched for another login after the first.
const WATCHED: u32 = 64;
/// Logins that are reported one by one.
const LOGINS: u32 = 64;

/// One flow.
#[derive(Default, Debug)]
struct Ftp {
    greeted: bool,
    replies: Replies,
    unanswered: VecDeque<Asked>,
    /// Name given by the last USER.
    user: Zeroizing<Vec<u8>>,
    /// The login that waits for its decision.
    login: Option<(&'static Rule, Shown)>,
    logged_in: bool,
    /// The security mechanism proved the caller.
    proved: bool,
    demanded: bool,
    missing_said: bool,
    served_said: bool,
    logins: u32,
    after_login: u32,
}

/// A command, as far as its reply is judged.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Asked {
    User(Zeroizing<Vec<u8>>),
    /// PASS or ACCT: what it offers was worked out when it was read.
    Proof(Option<(&'static Rule, Shown)>),
    Tls,
    Mechanism,
    Adat,
    Files,
    Other,
}

impl Ftp {
    fn command(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // What follows AUTH TLS is TLS once the receiver agreed; what follows USER depends on its reply.
        let waits = matches!(self.unanswered.back(), Some(Asked::Tls | Asked::Mechanism | Asked::User(_)));
        if !self.greeted || waits {
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(line) => line,
        };
        let (word, rest) = text_line::split_word(&line);
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        let asked = if is("USER") {
            Asked::User(Zeroizing::new(rest.to_vec()))
        } else if is("PASS") {
            Asked::Proof(Some(self.offer(rest, notes)))
        } else if is("ACCT") {
            Asked::Proof(None)
        } else if is("AUTH") && text_line::is_one_of(rest, &["TLS", "TLS-C", "SSL", "TLS-P"]) {
            Asked::Tls
        } else if is("AUTH") {
            Asked::Mechanism
        } else if is("ADAT") {
            Asked::Adat
        } else if is("ENC") || is("CONF") {
            notes.say(&WRAPPED, Shown::Hidden { why: Hidden::Encrypted });
            return Next::Settled;
        } else if text_line::is_one_of(word, FILES) {
            Asked::Files
        } else {
            Asked::Other
        };
        if self.unanswered.len() >= UNANSWERED {
            return Next::Lost(Hidden::Truncated);
        }
        self.unanswered.push_back(asked);
        Next::More
    }

    /// What PASS presents.
    fn offer(&self, password: &[u8], notes: &Notes<'_>) -> (&'static Rule, Shown) {
        if is_anonymous(&self.user) {
            return (&CLAIMED, sasl::name_offer(&self.user));
        }
        sasl::password_offer(&PASSWORD, &self.user, password, notes)
    }

    fn reply(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if self.greeted && self.unanswered.is_empty() {
            return Next::More;
        }
        let reply = match self.replies.next(input) {
            Read::More | Read::Got(None) => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(Some(reply)) => reply,
        };
        if !self.greeted {
            // 120 comes before 220.
            self.greeted = reply.code >= 200;
            if reply.code >= 400 {
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
            }
            return Next::More;
        }
        let asked = if reply.code < 200 {
            // The command's last reply is still to come.
            match self.unanswered.front() {
                Some(asked) => asked.clone(),
                None => return Next::More,
            }
        } else {
            match self.unanswered.pop_front() {
                Some(asked) => asked,
                None => return Next::More,
            }
        };
        if self.logged_in {
            self.after_login = self.after_login.saturating_add(1);
            if self.after_login > WATCHED {
                return Next::Settled;
            }
        }
        self.judge(asked, &reply, notes)
    }

    fn judge(&mut self, asked: Asked, reply: &Reply, notes: &mut Notes<'_>) -> Next {
        match asked {
            Asked::Tls if matches!(reply.code, 234 | 334) => {
                return Next::Upgraded(super::tls::begin());
            }
            Asked::User(name) => {
                self.user = name;
                self.login = None;
                self.demanded = false;
                match reply.code {
                    331 | 332 | 336 if !is_anonymous(&self.user) => {
                        self.demanded = true;
                        notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                    }
                    230 | 232 => self.open(notes),
                    400.. => self.refused(reply, notes),
                    _ => {}
                }
            }
            Asked::Proof(offer) => {
                self.login = offer.or(self.login.take());
                match reply.code {
                    // 202: superfluous, the session was open before.
                    230 | 232 => self.open(notes),
                    400.. => self.refused(reply, notes),
                    _ => {}
                }
            }
            Asked::Adat if reply.code == 235 => {
                self.proved = true;
                let credential = Credential::of(CredentialKind::Ticket);
                let (scope, credential) = (Scope::Connection, Some(credential));
                notes.say(&TICKET, Shown::Offers { proof: Proof::Key, scope, principal: None, credential });
            }
            Asked::Files if (100..300).contains(&reply.code) && !self.logged_in => {
                if !std::mem::replace(&mut self.served_said, true) {
                    if self.logins > 0 {
                        // What was refused before does not count for this.
                        notes.say(&SERVED, sasl::name_offer(b""));
                    }
                    notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                }
            }
            Asked::Files | Asked::Other
                if reply.code == 530
                    && !self.logged_in
                    && !std::mem::replace(&mut self.missing_said, true) =>
            {
                notes.say(&REQUIRED, Shown::Demands { proof: Proof::Secret });
                notes.say(&REQUIRED, Shown::Refuses { why: Refusal::ProofMissing });
            }
            Asked::Tls | Asked::Mechanism | Asked::Adat | Asked::Files | Asked::Other => {}
        }
        Next::More
    }

    /// The receiver opened a session.
    fn open(&mut self, notes: &mut Notes<'_>) {
        self.logins = self.logins.saturating_add(1);
        if self.logins > LOGINS {
            return;
        }
        let by_password = match self.login.take() {
            Some((rule, shown)) => {
                let secret = matches!(shown, Shown::Offers { proof: Proof::Secret, .. });
                notes.say(rule, shown);
                secret
            }
            None if self.proved => false,
            None => {
                notes.say(&CLAIMED, sasl::name_offer(&self.user));
                false
            }
        };
        if by_password {
            notes.say(&ACCEPTED, Shown::Accepts);
        }
        self.logged_in = true;
        notes.say(&LOGGED_IN, Shown::Serves { operation: Operation::Service });
    }

    fn refused(&mut self, reply: &Reply, notes: &mut Notes<'_>) {
        self.logins = self.logins.saturating_add(1);
        if self.logins > LOGINS {
            return;
        }
        let mut why = Refusal::Other;
        match self.login.take() {
            Some((rule, shown)) => {
                if matches!(shown, Shown::Offers { proof: Proof::Secret, .. })
                    && matches!(reply.code, 430 | 530)
                    && text_line::says_wrong(&reply.text)
                {
                    why = Refusal::ProofWrong;
                }
                notes.say(rule, shown);
            }
            None if !self.user.is_empty() => notes.say(&CLAIMED, sasl::name_offer(&self.user)),
            None => {}
        }
        notes.say(&REFUSED, Shown::Refuses { why });
    }
}

/// The two names of the anonymous user (RFC 1635).
fn is_anonymous(user: &[u8]) -> bool {
    text_line::is_one_of(user, &["anonymous", "ftp"])
}

impl Dissector for Ftp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator => self.command(input, notes),
            Role::Responder => self.reply(input, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        for asked in self.unanswered.drain(..) {
            if let Asked::Proof(Some((rule, shown))) = asked {
                notes.say(rule, shown);
            }
        }
    }
}
