//! What a receiver's TLS library holds about its caller, by its own calls.
//!
//! A result of 0 also stands there without a certificate, and a finished handshake is no service (some receivers refuse
//! inside), so the three are told apart: asked, presented, verified. What was granted is inside.
//!
//! Source: SSL_get_verify_result(3), SSL_get_peer_certificate(3), SSL_set_verify(3) of OpenSSL;
//! gnutls_certificate_verify_peers2(3), gnutls_certificate_get_peers(3), gnutls_certificate_server_set_request(3).

use super::certificate;
use super::dissector::rules;
use super::observation::RuleRef;
use super::{Credential, Observation, Proof, Protocol, Refusal, Rule, Scope, Shown};
use crate::event::TlsCaller;
use crate::fingerprint::Fingerprinter;

rules! {
    pub(crate) table;
    VERIFIED = "tls-library.certificate-verified", v 1, Observed, Uprobe,
        "The receiver's TLS library holds a certificate of the caller, and its verification came out good",
        "Whether the receiver then lets this name do what it asks: that is its answer inside";
    UNVERIFIED = "tls-library.certificate-not-verified", v 1, Observed, Uprobe,
        "The receiver's TLS library holds a certificate of the caller that did not pass its verification",
        "Whether the receiver knows the certificate by another way, such as a list of its own";
    DECLINED = "tls-library.certificate-declined", v 1, Observed, Uprobe,
        "The receiver's TLS library asks for a certificate and holds none of this caller",
        "What the receiver makes of that: its answer is inside";
    REFUSED = "tls-library.refused-without-certificate", v 1, Observed, Uprobe,
        "The receiver's TLS library ended the handshake because the caller had no certificate",
        "Which certificates it would take";
    NOT_ASKED = "tls-library.not-asked", v 1, Observed, Uprobe,
        "The receiver proved itself, and its TLS library did not ask the caller for a certificate",
        "What else proves the caller inside";
}

/// What it comes to.
pub(crate) fn shown(caller: &TlsCaller, fingerprinter: &Fingerprinter) -> Vec<Observation> {
    let TlsCaller { end: _, asked, verify_result, certificate, refused } = caller;
    let demands = Shown::Demands { proof: Proof::Key };
    let (rule, all): (&'static Rule, Vec<Shown>) = match (certificate, *verify_result, *asked) {
        _ if *refused => {
            (&REFUSED, vec![demands, Shown::Declines, Shown::Refuses { why: Refusal::ProofMissing }])
        }
        // A receiver gets a certificate only if it asked for it (RFC 8446 section 4.3.2, RFC 5246 section 7.4.4), now or
        // in the handshake that made the session.
        (Some(der), 0, _) => (&VERIFIED, vec![demands, offer(der, fingerprinter)]),
        (Some(der), _, _) => (&UNVERIFIED, vec![offer(der, fingerprinter), Shown::Unverified]),
        (None, _, true) => (&DECLINED, vec![demands, Shown::Declines]),
        (None, _, false) => (&NOT_ASKED, vec![Shown::Speaks { protocol: Protocol::Tls }]),
    };
    all.into_iter().map(|shown| Observation { rule: RuleRef(rule), shown }).collect()
}

fn offer(der: &[u8], fingerprinter: &Fingerprinter) -> Shown {
    // GnuTLS hands out the whole. One certificate has one trace, whichever library holds it.
    let part = certificate::signed_part_of(der).unwrap_or_else(|| der.to_vec());
    let leaf = certificate::signed_part(&part);
    let fingerprint = leaf.is_some().then(|| fingerprinter.of("x509-signed-part", &part));
    let credential = Credential { fingerprint, ..certificate::dated(leaf.as_ref()) };
    let principal = leaf.and_then(|leaf| leaf.principal);
    Shown::Offers { proof: Proof::Key, scope: Scope::Connection, principal, credential: Some(credential) }
}
