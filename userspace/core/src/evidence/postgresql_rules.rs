//! Rules of evidence for PostgreSQL.

use super::dissector::rules;

rules! {
    pub(crate) table;
    CLEARTEXT_DEMANDED = "postgresql.cleartext-demanded", v 1, Observed, Wire,
        "The receiver asked for a password in clear (AuthenticationCleartextPassword)",
        "Where the receiver looks it up";
    MD5_DEMANDED = "postgresql.md5-demanded", v 1, Observed, Wire,
        "The receiver challenged for a password (AuthenticationMD5Password)",
        "The digest is weak: whoever holds the stored hash can answer the challenge";
    SASL_DEMANDED = "postgresql.sasl-demanded", v 1, Observed, Wire,
        "The receiver challenged for a password (SASL, SCRAM-SHA-256)",
        "Where the receiver looks it up";
    TOKEN_DEMANDED = "postgresql.token-demanded", v 1, Observed, Wire,
        "The receiver asked for a bearer token (SASL, OAUTHBEARER)",
        "By which issuer's key it is validated";
    TICKET_DEMANDED = "postgresql.ticket-demanded", v 1, Observed, Wire,
        "The receiver asked for a Kerberos proof (GSSAPI, SSPI or Kerberos)",
        "SSPI may settle on NTLM, which is a password's proof";
    CLEARTEXT_SENT = "postgresql.password-sent", v 1, Observed, Wire,
        "The caller sent its password in clear",
        "Who knows that password besides the caller";
    CHALLENGE_ANSWERED = "postgresql.challenge-answered", v 1, Observed, Wire,
        "The caller answered the password challenge",
        "The password itself was not on the wire";
    TOKEN_SENT = "postgresql.token-sent", v 1, Observed, Wire,
        "The caller sent a bearer token",
        "The token's signature was not checked by the observer";
    TICKET_SENT = "postgresql.ticket-sent", v 1, Observed, Wire,
        "The caller sent a Kerberos or NTLM message",
        "The principal in it is encrypted";
    ACCEPTED = "postgresql.authentication-ok", v 1, Observed, Wire,
        "After the proof it had asked for, the receiver sent AuthenticationOk",
        "Which rule of its configuration matched";
    CLAIMED = "postgresql.no-challenge", v 1, Observed, Wire,
        "The receiver sent AuthenticationOk for the role that the caller named, without asking for proof",
        "On TCP that is trust or ident, or an address rule; on a Unix socket it may be peer, which only the kernel shows";
    READY = "postgresql.ready", v 1, Observed, Wire,
        "The receiver opened the session (ReadyForQuery)",
        "What the role may do in it";
    PASSWORD_WRONG = "postgresql.password-refused", v 1, Observed, Wire,
        "The receiver refused the proof (SQLSTATE 28P01)",
        "Not whether the role exists";
    NO_ENTRY = "postgresql.place-refused", v 1, Observed, Wire,
        "The receiver has no rule for this role, database and address, or one that rejects them (SQLSTATE 28000)",
        "Not what it would ask of the same role from elsewhere";
    PROOF_REFUSED = "postgresql.proof-refused", v 1, Observed, Wire,
        "The receiver refused the caller's identity (SQLSTATE 28000)",
        "Not which proof would have been enough";
    ROLE_REFUSED = "postgresql.role-refused", v 1, Observed, Wire,
        "The receiver let no session open for this role (SQLSTATE 28000 after authentication, or 42501)",
        "Not whether the proof was right";
    SESSION_REFUSED = "postgresql.session-refused", v 1, Observed, Wire,
        "The receiver ended the session before it opened, for a reason that is not the caller's identity",
        "Nothing is said about what it checks";
    CANCEL = "postgresql.cancel", v 1, Observed, Wire,
        "A cancel request, which by design carries no proof but the session's cancel key and gets no answer",
        "Not whether anything was cancelled";
    ENCRYPTED = "postgresql.gss-encryption", v 1, Observed, Wire,
        "Both sides agreed on GSSAPI encryption, which needs a Kerberos ticket",
        "Everything after that is encrypted";
}
