//! Rules of evidence for TDS.

use super::dissector::rules;

rules! {
    pub(crate) table;
    CHALLENGED = "tds.challenged", v 1, Observed, Wire,
        "The receiver answered the login with a challenge (NTLM, or a key to encrypt the password with)",
        "Whether it also takes passwords in clear";
    TOKEN_WANTED = "tds.token-demanded", v 1, Observed, Wire,
        "The receiver said before the login that it wants a token of a directory",
        "Not whether it checks the token's signature";
    PASSWORD = "tds.password-sent", v 1, Observed, Wire,
        "The caller sent a name and a password in clear, or scrambled without a key",
        "Whether the receiver looks at the password";
    CLAIMED = "tds.name-sent", v 1, Observed, Wire,
        "The caller sent a name and an empty password, or named nobody",
        "Nothing proves the name";
    ANSWERED = "tds.challenge-answered", v 1, Observed, Wire,
        "The caller answered a challenge made from its password, or sent the password encrypted for the receiver",
        "The password itself is not visible";
    TICKET = "tds.ticket-sent", v 1, Observed, Wire,
        "The caller sent a Kerberos ticket with a proof of its session key",
        "The name in the ticket is encrypted";
    BEARER = "tds.token-sent", v 1, Observed, Wire,
        "The caller sent a token of a directory",
        "The token's signature was not checked by the observer";
    ACCEPTED = "tds.login-accepted", v 1, Observed, Wire,
        "The receiver acknowledged the login",
        "Not what the name may read and change";
    OPENED = "tds.session-opened", v 1, Observed, Wire,
        "The receiver opened a session for the login",
        "Not what is asked in it";
    SEALED = "tds.login-sealed", v 1, Observed, Wire,
        "The login was sent inside TLS, and the receiver's answer to it was not",
        "By what the caller logged in is not visible";
    UNKNOWN_PROOF = "tds.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver acknowledged a login by a proof that no rule knows",
        "What was proved is not known";
    WRONG = "tds.login-failed", v 1, Observed, Wire,
        "The receiver said that the login failed",
        "Whether the name or the proof was wrong";
    NOT_ALLOWED = "tds.not-allowed", v 1, Observed, Wire,
        "The receiver knows the name and does not let it in, or not into this database",
        "Not whether another name would be let in";
    PLACE = "tds.place-refused", v 1, Observed, Wire,
        "The receiver does not take logins from the caller's address",
        "Not whether the proof was right";
    REFUSED = "tds.refused", v 1, Observed, Wire,
        "The receiver ended the login for a reason that is not the caller's identity",
        "Nothing is said about what it checks";
}
