//! Rules of evidence for TLS.

use super::dissector::rules;

rules! {
    pub(crate) table;
    INSIDE_12 = "tls12.inside", v 1, Observed, Wire,
        "The flow is encrypted by TLS 1.2 or older",
        "What is inside, and whether the caller proves itself there, is not visible";
    NOT_ASKED_12 = "tls12.not-asked", v 1, Observed, Wire,
        "The receiver did not ask for a certificate in this handshake",
        "What else it checked is inside TLS";
    DEMANDED_12 = "tls12.certificate-demanded", v 1, Observed, Wire,
        "The receiver asked for a certificate (CertificateRequest)",
        "Whether it insists: a certificate may be optional";
    DECLINED_12 = "tls12.declined", v 1, Observed, Wire,
        "The caller answered the request with an empty certificate list",
        "What else it proves inside TLS";
    LISTED_12 = "tls12.certificate-proved", v 1, Observed, Wire,
        "The caller sent a certificate whose issuer the receiver had named, and proved that it holds its key (CertificateVerify)",
        "Whether the receiver checked the certificate's chain, revocation or name";
    UNLISTED_12 = "tls12.certificate-proved-issuer-not-named", v 1, Observed, Wire,
        "The caller sent a certificate and proved that it holds its key; the receiver had named other issuers",
        "The issuer may be an intermediate, or the certificate pinned or not verified at all";
    NO_LIST_12 = "tls12.certificate-proved-no-issuers-named", v 1, Observed, Wire,
        "The caller sent a certificate and proved that it holds its key; the receiver had named no issuers",
        "Whether the receiver checked the certificate's issuer is not visible";
    ACCEPTED_12 = "tls12.certificate-accepted", v 1, Observed, Wire,
        "After the caller's certificate and proof, the receiver finished the handshake",
        "A finished handshake is not service: the refusal may come inside TLS";
    SHARED_KEY_12 = "tls12.shared-key", v 1, Observed, Wire,
        "The receiver chose a key exchange that only the holder of a key known to both sides can finish (PSK)",
        "Who else holds the key";
    SRP_12 = "tls12.srp", v 1, Observed, Wire,
        "The receiver chose a key exchange that only somebody who knows the user's password can finish (SRP)",
        "Who else knows the password";
    KERBEROS_12 = "tls12.kerberos", v 1, Observed, Wire,
        "The receiver chose a key exchange that rests on a Kerberos ticket",
        "Whom the ticket names";
    KEY_EXCHANGE_12 = "tls12.key-exchange-accepted", v 1, Observed, Wire,
        "The receiver finished the handshake after the caller had, so both hold the same key",
        "A finished handshake is not service: the refusal may come inside TLS";
    KEY_REFUSED = "tls12.key-exchange-refused", v 1, Observed, Wire,
        "The receiver ended a handshake that rests on a shared key after the caller's part of it",
        "Whether the name or the key was wrong";
    ANONYMOUS_12 = "tls12.anonymous", v 1, Observed, Wire,
        "The handshake proved neither side to the other (anonymous key exchange)",
        "What is inside, and whether the caller proves itself there, is not visible";
    OLD_VERSION = "tls.old-version", v 1, Observed, Wire,
        "The receiver chose TLS 1.1 or older, which RFC 8996 withdraws",
        "Nothing is said about what it checks";
    SSL_2 = "tls.ssl2", v 1, Observed, Wire,
        "The receiver answered in SSL 2.0, which RFC 6176 prohibits",
        "Whether a certificate is asked for is inside the encryption, and so is who calls";
    RENEGOTIATED_12 = "tls12.renegotiated", v 1, Observed, Wire,
        "After the handshake a second one was done inside the encryption",
        "Whether a certificate was asked for in it is not visible";
    LATE_CERTIFICATE_12 = "tls12.late-certificate-sized", v 1, Inferred, Wire,
        "In a second handshake inside the encryption the caller sent more than any handshake without a certificate takes",
        "Whose certificate; sizes alone are no proof";
    SERVER_NAMED = "tls.server-named", v 1, Observed, Wire,
        "The caller named the server that it means (server_name), the handshake was finished, and both sides used the encryption",
        "Whether that server is who it is called, and what was asked of it";
    UNFINISHED = "tls.unfinished", v 1, Observed, Wire,
        "The handshake ended before the receiver chose a version",
        "Nothing is said about what it checks";
    REFUSED = "tls.certificate-refused", v 1, Observed, Wire,
        "The receiver ended the handshake with an alert after it had asked for a certificate",
        "Not which certificate would have been enough";
    FAILED = "tls.handshake-refused", v 1, Observed, Wire,
        "The receiver ended the handshake with an alert that says nothing about the caller's proof",
        "Nothing is said about what it checks";
    RESUMED_12 = "tls12.resumed", v 1, Observed, Wire,
        "An earlier session was resumed, so no certificate was asked for",
        "What was proved when that session began";
    KEPT_12 = "tls12.session-given", v 1, Observed, Wire,
        "The receiver gave the caller a session (ticket or session id) with which a later handshake may be short",
        "Whether it keeps to the lifetime that it names";
    LINKED_12 = "tls12.resumed-linked", v 1, Observed, Wire,
        "The session that was resumed is, byte for byte, one that this listener gave after a handshake in which the caller proved itself",
        "Whether the caller's certificate is still valid, or the holder of the session still the same";
    INSIDE_13 = "tls13.inside", v 1, Observed, Wire,
        "The flow is encrypted by TLS 1.3",
        "The second half of the handshake and what is inside are not visible";
    NOT_ASKED_13 = "tls13.not-asked", v 1, Inferred, Wire,
        "The receiver did not ask for a certificate in this handshake (the client's first record is a lone Finished)",
        "What else it checked is inside TLS";
    NOT_ASKED_SO_FAR_13 = "tls13.not-asked-so-far", v 1, Inferred, Wire,
        "The receiver did not ask for a certificate in this handshake; the client offers to be asked later",
        "A request after the handshake is not visible; what else was checked is inside TLS";
    DECLINED_13 = "tls13.declined", v 1, Inferred, Wire,
        "The receiver asked for a certificate and the client sent an empty one (record lengths)",
        "What else it proves inside TLS";
    SENT_13 = "tls13.certificate-sent", v 1, Inferred, Wire,
        "The receiver asked for a certificate, and the client sent one and signed with its key (record lengths)",
        "Which identity, and whether the receiver checked it, is not visible";
    WENT_ON_13 = "tls13.went-on", v 1, Inferred, Wire,
        "After the client's certificate the receiver sent more than an alert",
        "Going on is not service: the refusal may come inside TLS";
    REFUSED_13 = "tls13.refused", v 1, Inferred, Wire,
        "After the client's answer to the certificate request the receiver sent one record of an alert's length and nothing more",
        "The alert itself is encrypted";
    RESUMED_13 = "tls13.resumed", v 1, Observed, Wire,
        "An earlier session was resumed, or a pre-shared key used, so no certificate could be asked for",
        "What was proved when that session began";
    AGREED_13 = "tls13.key-agreed-elsewhere", v 1, Inferred, Wire,
        "The handshake rests on a pre-shared key offered without an age, as keys are that were agreed outside TLS (RFC 8446 section 4.2.11)",
        "Whose key it is; some clients leave out the age of a session's key too";
    UNDECIDED_13 = "tls13.undecided", v 1, Inferred, Wire,
        "The record lengths fit no known answer to a certificate request",
        "Whether the receiver asked for a certificate is not known";
}
