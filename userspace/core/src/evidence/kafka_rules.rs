//! Rules of evidence for Kafka's protocol.

use super::dissector::rules;

rules! {
    pub(crate) table;
    VERSIONS = "kafka.versions-told", v 1, Observed, Wire,
        "The receiver told which requests it knows, which it tells anyone before authentication",
        "Whether it serves anything else without proof";
    DEMANDED = "kafka.sasl-demanded", v 1, Observed, Wire,
        "The receiver took up a SASL exchange, which only a listener that wants one does",
        "Which names it would accept";
    MECHANISM = "kafka.mechanism-refused", v 1, Observed, Wire,
        "The receiver does not take the SASL mechanism that the caller wanted",
        "Which proof it would take, beyond the list that it sent";
    SIGNED = "kafka.request-signature-sent", v 1, Observed, Wire,
        "The caller sent a request signature under a shared key (AWS_MSK_IAM)",
        "The key itself is not visible";
    ACCEPTED = "kafka.proof-accepted", v 1, Observed, Wire,
        "The receiver answered the SASL exchange without an error, or served a request after it",
        "What the name may do";
    WRONG = "kafka.proof-refused", v 1, Observed, Wire,
        "The receiver refused what was offered in the SASL exchange (SASL_AUTHENTICATION_FAILED)",
        "Whether the name, the secret or the mechanism was wrong";
    MISSING = "kafka.proof-missing", v 1, Observed, Wire,
        "The receiver refused a request that came before the SASL exchange was over (ILLEGAL_SASL_STATE)",
        "Which proof would have been enough";
    SERVED = "kafka.request-served", v 1, Observed, Wire,
        "The receiver answered a request other than those of the SASL exchange without an error",
        "Whether it looked at the caller's address, and what else the caller may do";
    SENT = "kafka.records-sent", v 1, Observed, Wire,
        "The caller sent records and asked for no answer (acks 0)",
        "Whether the receiver took them";
    NOT_ALLOWED = "kafka.not-authorized", v 1, Observed, Wire,
        "The receiver does not let this caller do that (an authorization error)",
        "Whether it knows the caller by a proof, or as anonymous";
    FAILED = "kafka.request-failed", v 1, Observed, Wire,
        "The receiver answered a request with another error",
        "Nothing is said about what it checks";
}
