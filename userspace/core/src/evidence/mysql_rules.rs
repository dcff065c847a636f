//! Rules of evidence for MySQL and MariaDB.

use super::dissector::rules;

rules! {
    pub(crate) table;
    CHALLENGED = "mysql.challenge", v 1, Observed, Wire,
        "The receiver's greeting or its switch request held a challenge, and the caller answered it",
        "The greeting challenges every caller; an account without a password is served without an answer";
    CHALLENGE_ANSWERED = "mysql.challenge-answered", v 1, Observed, Wire,
        "The caller answered the password challenge",
        "The password itself was not on the wire; a receiver that runs without grant tables takes any answer";
    CLEARTEXT_SENT = "mysql.password-sent", v 1, Observed, Wire,
        "The caller sent its password in clear",
        "Who knows that password besides the caller";
    TICKET_SENT = "mysql.ticket-sent", v 1, Observed, Wire,
        "The caller sent a Kerberos or NTLM message",
        "The principal in it is encrypted";
    TOKEN_SENT = "mysql.token-sent", v 1, Observed, Wire,
        "The caller sent an identity token",
        "The token's signature was not checked by the observer";
    SIGNATURE_SENT = "mysql.signature-sent", v 1, Observed, Wire,
        "The caller answered the challenge with a private key's signature",
        "Where the receiver has the public key from";
    CLAIMED = "mysql.no-proof", v 1, Observed, Wire,
        "The receiver sent its OK packet for the account that the caller named, and the caller had sent no proof",
        "On TCP that is an account without a password; on a Unix socket it may be auth_socket, which only the kernel shows";
    ACCEPTED = "mysql.ok", v 1, Observed, Wire,
        "After the proof, the receiver sent its OK packet",
        "Which account entry matched";
    OPENED = "mysql.session-opened", v 1, Observed, Wire,
        "The receiver's OK packet opened the session",
        "What the account may do in it; a later change of user on the connection is not followed";
    PROOF_REFUSED = "mysql.access-denied", v 1, Observed, Wire,
        "The receiver refused the caller's identity (error 1045 or 1698)",
        "Not whether the account exists";
    PLACE_REFUSED = "mysql.host-refused", v 1, Observed, Wire,
        "The receiver refused because of where the caller is (error 1129 or 1130)",
        "Not what it would ask of the same account from elsewhere";
    NOT_ALLOWED = "mysql.not-allowed", v 1, Observed, Wire,
        "The receiver let no session open for this account (error 1044, 1142, 1227, 3118 or 4151)",
        "Not whether the proof was right";
    REFUSED = "mysql.session-refused", v 1, Observed, Wire,
        "The receiver ended the session before it opened, for a reason that is not the caller's identity",
        "Nothing is said about what it checks";
}
