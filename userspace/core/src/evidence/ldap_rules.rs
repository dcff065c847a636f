//! Rules of evidence for LDAP.

use super::dissector::rules;

rules! {
    pub(crate) table;
    DEMANDED = "ldap.bind-demanded", v 1, Observed, Wire,
        "The receiver refused an operation because the caller had not bound, or not strongly enough",
        "Not whether it serves other operations without";
    PASSWORD = "ldap.password-sent", v 1, Observed, Wire,
        "The caller bound with a name and a password in clear (simple bind)",
        "Whether the receiver serves those who do not bind";
    ANONYMOUS = "ldap.nobody-named", v 1, Observed, Wire,
        "The caller bound as nobody (RFC 4513 section 5.1.1)",
        "Not what the receiver lets such a caller do";
    ANONYMOUS_BOUND = "ldap.nobody-admitted", v 1, Observed, Wire,
        "The receiver let nobody bind, which opens nothing by itself",
        "Not what it lets such a caller read";
    CLAIMED = "ldap.name-claimed", v 2, Observed, Wire,
        "The caller bound with a name and no password, which proves nothing (RFC 4513 section 5.1.2)",
        "Not what the receiver lets such a caller do";
    NAME_BOUND = "ldap.name-admitted", v 1, Observed, Wire,
        "The receiver answered a bind with a name and no password with success, as it answers a login",
        "A directory that keeps the standard takes such a caller for nobody";
    ACCEPTED = "ldap.bind-accepted", v 1, Observed, Wire,
        "The receiver answered the bind with success",
        "Not which entries it opens to this name";
    SESSION = "ldap.session-opened", v 1, Observed, Wire,
        "The receiver opened a session under the name that was bound with a proof",
        "Whether it would serve the same without a bind";
    UNKNOWN_PROOF = "ldap.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver accepted a bind by a mechanism that no rule knows, or whose exchange was not whole",
        "What was proved is not known";
    WRONG = "ldap.proof-refused", v 1, Observed, Wire,
        "The receiver said that the credentials are invalid (49)",
        "Not whether it serves those who do not bind";
    BIND_REFUSED = "ldap.bind-refused", v 1, Observed, Wire,
        "The receiver refused the bind for a reason other than wrong credentials",
        "Not whether the credentials were right";
    NOT_ALLOWED = "ldap.not-allowed", v 1, Observed, Wire,
        "The receiver does not let this caller do what it asked (50)",
        "Not whether another name would be allowed";
    UNBOUND = "ldap.nobody-bound", v 1, Observed, Wire,
        "The caller's last bind had failed, so that what followed was asked by nobody",
        "Not whether it would have been served to a name";
    SERVED = "ldap.operation-served", v 1, Observed, Wire,
        "The receiver sent an entry, or carried out a search, a change or a comparison",
        "Not whether the search found anything; not whether other entries are open too";
    SERVED_PUBLIC = "ldap.root-entry-served", v 1, Observed, Wire,
        "The receiver described itself (the root entry, RFC 4512 section 5.1)",
        "Nothing of the directory was read by it";
    SEALED = "ldap.sealed", v 1, Observed, Wire,
        "What follows the bind is sealed by the mechanism that was negotiated",
        "Nothing is known of what was asked and served";
}
