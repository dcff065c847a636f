//! Rules of evidence for OPC UA.

use super::dissector::rules;

rules! {
    pub(crate) table;
    SIGNED = "opcua.channel-signed", v 1, Observed, Wire,
        "The caller opened a channel with its application's certificate, under a policy that signs by its private key",
        "Whether the receiver trusts that certificate or takes any; who the user is";
    ACCEPTED = "opcua.proof-accepted", v 1, Observed, Wire,
        "The receiver opened the channel, or activated the session, after the proof",
        "Whether it would have done so without";
    DISCOVERED = "opcua.endpoints-told", v 1, Observed, Wire,
        "The receiver told its endpoints, which it tells anyone",
        "Whether a session needs a proof";
    PASSWORD = "opcua.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (UserNameIdentityToken)",
        "A receiver may take any password";
    SCRAMBLED = "opcua.encrypted-token-sent", v 1, Observed, Wire,
        "The caller sent a user's secret, encrypted for the receiver",
        "The secret itself is not visible; a receiver may take any";
    CERTIFICATE = "opcua.user-certificate-signed", v 1, Observed, Wire,
        "The caller sent a user's certificate and a signature by its private key (X509IdentityToken)",
        "Whether the receiver trusts that certificate";
    TOKEN = "opcua.token-sent", v 1, Observed, Wire,
        "The caller sent a token that another issued, in clear (IssuedIdentityToken)",
        "Whether the receiver verifies it";
    SESSION = "opcua.session-activated", v 1, Observed, Wire,
        "The receiver activated the caller's session",
        "Which nodes the session may read or write";
    TOKEN_REFUSED = "opcua.token-refused", v 1, Observed, Wire,
        "The receiver refused the user's proof",
        "Whether it was wrong or of a kind that it does not take";
    ANONYMOUS_REFUSED = "opcua.anonymous-refused", v 1, Observed, Wire,
        "The receiver refused to activate a session without a user's proof",
        "Which proof would be enough";
    TURNED_AWAY = "opcua.refused", v 1, Observed, Wire,
        "The receiver ended the channel, or refused the session, for another reason",
        "Nothing is said about what it checks of the caller";
}
