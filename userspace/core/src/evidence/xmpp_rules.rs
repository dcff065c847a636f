//! Rules of evidence for XMPP.

use super::dissector::rules;

rules! {
    pub(crate) table;
    DEMANDED = "xmpp.identity-demanded", v 1, Observed, Wire,
        "The receiver takes a client's stanzas only after authentication, and offered no anonymous mechanism",
        "Not which mechanisms would have been enough";
    PASSWORD = "xmpp.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (jabber:iq:auth)",
        "A receiver may take any password";
    DIGEST = "xmpp.digest-sent", v 1, Observed, Wire,
        "The caller sent a digest made from its password and the receiver's stream id (jabber:iq:auth)",
        "The password itself is not visible";
    HANDSHAKE = "xmpp.component-handshake", v 1, Observed, Wire,
        "The caller sent a digest made from a component's secret and the receiver's stream id",
        "The secret itself is not visible, nor who else holds it";
    NAMED = "xmpp.stream-from", v 1, Observed, Wire,
        "The caller named itself in its stream's header and proved nothing",
        "Whether the receiver looks at the name";
    DIALBACK = "xmpp.dialback-key", v 1, Observed, Wire,
        "The caller claimed a domain with a key that the receiver has that domain's server confirm (dialback)",
        "The key proves no identity: the receiver learns that a server it finds by DNS knows the key";
    ACCEPTED = "xmpp.proof-accepted", v 1, Observed, Wire,
        "The receiver answered the authentication by its accept code",
        "Not what it lets this caller do";
    SESSION = "xmpp.session-opened", v 1, Observed, Wire,
        "The receiver opened an authenticated session",
        "Not what it lets this caller do";
    CALLED_BACK = "xmpp.dialback-confirmed", v 1, Observed, Wire,
        "The receiver takes the claimed domain's stanzas after it asked a server of that domain (dialback)",
        "At best the caller's place by DNS was checked; whether it was asked is not visible on this connection";
    VERIFIES = "xmpp.dialback-answered", v 1, Observed, Wire,
        "The receiver told whether a dialback key is its own, as it does for anybody",
        "Nothing about who asked";
    REGISTERED = "xmpp.account-registered", v 1, Observed, Wire,
        "The receiver made an account for a caller that it did not know (in-band registration)",
        "What the account may do";
    SERVED = "xmpp.stanza-served", v 1, Observed, Wire,
        "The receiver sent or answered stanzas of a caller that had not authenticated on this stream",
        "Not what was in them";
    UNKNOWN_PROOF = "xmpp.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver accepted a mechanism that no rule knows, or whose exchange was not whole",
        "What was proved is not known";
    PROOF_WRONG = "xmpp.proof-refused", v 1, Observed, Wire,
        "The receiver said that the proof does not authorize the caller",
        "Whether the name, the proof or the mechanism was wrong";
    MISSING = "xmpp.not-authorized", v 1, Observed, Wire,
        "The receiver refused a stanza of a caller that had not authenticated",
        "Not how it would have to authenticate";
    AUTH_REFUSED = "xmpp.authentication-not-done", v 1, Observed, Wire,
        "The receiver refused the authentication for a reason other than a wrong proof",
        "Not whether the proof was right";
    STREAM_REFUSED = "xmpp.stream-refused", v 1, Observed, Wire,
        "The receiver ended the stream with an error before any session",
        "Its condition does not name the caller's proof as the reason";
}
