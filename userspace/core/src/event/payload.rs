//! Payload, and what a TLS library knows about the other side. Neither is ever stored or logged.

use bytes::Bytes;

use super::Addresses;
use crate::id::EndKey;

/// Payload bytes of one flow, one direction, as seen at one end.
#[derive(Clone, PartialEq)]
pub struct Payload {
    /// The end at which they were seen.
    pub end: EndKey,
    /// Where, for ends that were not announced before (UDP).
    pub ends: Option<Addresses>,
    /// True when this end sent them, false when it received them.
    pub sent: bool,
    /// Offset of the first byte in this direction's stream; datagrams are numbered 0, 1, 2, ... instead.
    pub offset: u64,
    /// How many bytes were there; more than `bytes.len()` where the record was cut.
    pub length: u64,
    /// The bytes.
    pub bytes: Bytes,
}

impl std::fmt::Debug for Payload {
    /// Prints the length only: payload never reaches a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { end, ends: _, sent, offset, length, bytes } = self;
        write!(f, "Payload({end:?}, sent: {sent}, offset: {offset}, {} of {length} bytes)", bytes.len())
    }
}

/// What the TLS library of a responder holds about the caller of one connection, once its handshake is over.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsCaller {
    /// The responder's end.
    pub end: EndKey,
    /// True when the library asks callers for a certificate in the handshake.
    pub asked: bool,
    /// What verification came to: 0 is good, and is also what stands there without a certificate; else as the library
    /// numbers it (`X509_V_*`, x509_verify_cert_error_string(3); `gnutls_certificate_status_t`), or nobody saw it done.
    pub verify_result: u32,
    /// The caller's certificate or its signed part (`TBSCertificate`, RFC 5280 section 4.1), DER; empty where it could
    /// not be read; `None` without a certificate.
    pub certificate: Option<Bytes>,
    /// True when the library ended the handshake because a certificate was missing.
    pub refused: bool,
}

impl std::fmt::Debug for TlsCaller {
    /// Prints no certificate: it names somebody.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { end, asked, verify_result, certificate, refused } = self;
        let bytes = certificate.as_ref().map(Bytes::len);
        write!(
            f,
            "TlsCaller({end:?}, asked: {asked}, verify_result: {verify_result}, certificate: {bytes:?} bytes, \
             refused: {refused})"
        )
    }
}
