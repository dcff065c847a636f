//! Rules of evidence for MongoDB.

use super::dissector::rules;

rules! {
    pub(crate) table;
    DEMANDED = "mongodb.authentication-required", v 1, Observed, Wire,
        "The receiver refused a command because nobody had authenticated on this connection (code 13 or its old text)",
        "A caller that did authenticate gets the same code for what it may not do";
    NOT_ALLOWED = "mongodb.not-allowed", v 1, Observed, Wire,
        "The receiver knows the caller and does not let it do this (code 13 after authentication)",
        "Not what else the caller may do";
    CHALLENGE_ANSWERED = "mongodb.challenge-answered", v 1, Observed, Wire,
        "The caller answered the password challenge (SCRAM, or the older digest)",
        "The password itself was not on the wire";
    PASSWORD = "mongodb.password-sent", v 1, Observed, Wire,
        "The caller sent its password in clear (SASL PLAIN)",
        "Who knows that password besides the caller";
    TOKEN = "mongodb.token-sent", v 1, Observed, Wire,
        "The caller sent an identity token (MONGODB-OIDC)",
        "The token's signature was not checked by the observer";
    TICKET = "mongodb.ticket-sent", v 1, Observed, Wire,
        "The caller began an exchange with a Kerberos ticket (GSSAPI)",
        "The principal in it is encrypted";
    SIGNED = "mongodb.request-signed", v 1, Observed, Wire,
        "The caller signed a request with a cloud account's key (MONGODB-AWS)",
        "Whether that key is short-lived";
    ACCEPTED = "mongodb.accepted", v 1, Observed, Wire,
        "The receiver accepted the proof (the exchange is done and ok)",
        "Whether it serves those who send none";
    WRONG = "mongodb.authentication-failed", v 1, Observed, Wire,
        "The receiver refused the proof",
        "Not whether the user exists";
    SERVED = "mongodb.command-served", v 1, Observed, Wire,
        "A command was answered with ok, or a query with documents, in a protocol read from its first byte",
        "Not what the reply held";
    MONITORED = "mongodb.monitoring-served", v 1, Observed, Wire,
        "The receiver described itself (hello, ping, buildInfo and the like), which it does for everybody",
        "No data was read or changed by it";
}
