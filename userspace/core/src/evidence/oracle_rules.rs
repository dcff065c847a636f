//! Rules of evidence for Oracle Net.

use super::dissector::rules;

rules! {
    pub(crate) table;
    PINGED = "oracle.listener-pinged", v 1, Observed, Wire,
        "The listener said that it is there, or where else to go, which it tells anyone",
        "Whether it serves anything else without proof";
    COMMANDED = "oracle.listener-command-answered", v 1, Observed, Wire,
        "The listener answered a command",
        "Whether it looked at where the caller is, and how much the command reveals or changes";
    CLAIMED = "oracle.name-claimed", v 1, Observed, Wire,
        "The caller named a user, or left that to its operating system, and sent no proof",
        "Nothing on the wire proves the name";
    DEMANDED = "oracle.challenge-sent", v 1, Observed, Wire,
        "The receiver sent a challenge made from the user's password verifier (AUTH_SESSKEY)",
        "Whether the user exists: some receivers send one for any name";
    PASSWORD = "oracle.challenge-answered", v 1, Observed, Wire,
        "The caller sent its password, encrypted under the session's key (AUTH_PASSWORD)",
        "The password itself is not visible";
    ACCEPTED = "oracle.proof-accepted", v 1, Observed, Wire,
        "The receiver opened the session after the password was sent",
        "What the user may do";
    SERVED = "oracle.session-opened", v 1, Observed, Wire,
        "The receiver opened a session (its parameters, such as AUTH_VERSION_STRING, were sent)",
        "What the user may do";
    WRONG = "oracle.logon-denied", v 1, Observed, Wire,
        "The receiver refused the user name or the password (ORA-01017)",
        "Which of the two was wrong";
    MISSING = "oracle.password-missing", v 1, Observed, Wire,
        "The receiver refused a caller that sent no password",
        "Not which proof would have been enough";
    NOT_ALLOWED = "oracle.not-allowed", v 1, Observed, Wire,
        "The receiver knows the user and does not open a session (locked, expired, or without the right)",
        "Whether the password was right";
    REFUSED = "oracle.refused", v 1, Observed, Wire,
        "The receiver refused the connection or the session for another reason",
        "Nothing is said about what it checks";
}
