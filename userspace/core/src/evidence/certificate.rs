//! A client's certificate: whom it names, how long it lasts, who issued it.

use jiff::Timestamp;
use x509_parser::certificate::{TbsCertificate, X509Certificate};
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::asn1_rs::{Oid, oid};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::dissector::Notes;
use super::{Credential, CredentialKind, Principal, PrincipalKind};

/// What a leaf certificate says.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// Whom it names.
    pub(crate) principal: Option<Principal>,
    subject: Option<String>,
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
    /// The issuer's distinguished name, DER.
    pub(crate) issuer: Vec<u8>,
}

/// Reads a leaf certificate; `None` if it is none.
pub(crate) fn leaf(der: &[u8]) -> Option<Leaf> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    says(&certificate.tbs_certificate)
}

/// The signed part (`TBSCertificate`, RFC 5280 section 4.1), DER, of a whole certificate; `None` if it is none.
pub(crate) fn signed_part_of(der: &[u8]) -> Option<Vec<u8>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then(|| certificate.tbs_certificate.as_ref().to_vec())
}

/// Reads the signed part of a leaf certificate; `None` if it is none.
pub(crate) fn signed_part(der: &[u8]) -> Option<Leaf> {
    let (rest, certificate) = TbsCertificate::from_der(der).ok()?;
    if rest.is_empty() { says(&certificate) } else { None }
}

fn says(certificate: &TbsCertificate<'_>) -> Option<Leaf> {
    let validity = certificate.validity();
    Some(Leaf {
        principal: principal(certificate),
        subject: subject(certificate.subject()),
        not_before: Timestamp::from_second(validity.not_before.timestamp()).ok(),
        not_after: Timestamp::from_second(validity.not_after.timestamp()).ok(),
        issuer: certificate.issuer().as_raw().to_vec(),
    })
}

/// The trace of a certificate that stood on the wire as `der`; its lifetime runs from not-before to not-after.
pub(crate) fn credential(der: &[u8], leaf: Option<&Leaf>, notes: &Notes<'_>) -> Credential {
    Credential { fingerprint: Some(notes.fingerprint("x509", der)), ..dated(leaf) }
}

/// The same of a certificate that did not stand there as a whole.
pub(crate) fn dated(leaf: Option<&Leaf>) -> Credential {
    let (not_before, not_after) = leaf.map_or((None, None), |leaf| (leaf.not_before, leaf.not_after));
    let seconds = not_before.zip(not_after).map(|(from, to)| to.as_second().saturating_sub(from.as_second()));
    Credential {
        lifetime_s: seconds.and_then(|seconds| u64::try_from(seconds).ok()),
        not_before,
        not_after,
        subject: leaf.and_then(|leaf| leaf.subject.clone()),
        ..Credential::of(CredentialKind::X509)
    }
}

/// The SPIFFE ID if it is a valid X509-SVID, else the first DNS name, else the subject.
fn principal(certificate: &TbsCertificate<'_>) -> Option<Principal> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let names =
        alternative.as_ref().map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let uris: Vec<&str> = names
        .iter()
        .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None })
        .collect();
    let signs_certificates = certificate.is_ca()
        || certificate.key_usage().ok().flatten().is_some_and(|usage| usage.value.key_cert_sign());
    if let [uri] = uris.as_slice()
        && !signs_certificates
        && is_spiffe_id(uri)
    {
        return Some(Principal::bounded(PrincipalKind::SpiffeId, uri.as_bytes()));
    }
    let subject = certificate.subject().to_string();
    if !subject.is_empty() {
        return Some(Principal::bounded(PrincipalKind::Subject, subject.as_bytes()));
    }
    let dns =
        names.iter().find_map(|name| if let GeneralName::DNSName(dns) = name { Some(*dns) } else { None })?;
    Some(Principal::bounded(PrincipalKind::Subject, format!("DNS:{dns}").as_bytes()))
}

/// Attributes by their names in RFC 2253 section 2.3 and OpenSSL.
static ATTRIBUTES: [(Oid<'_>, &str); 10] = [
    (oid!(2.5.4.3), "CN"),
    (oid!(2.5.4.5), "serialNumber"),
    (oid!(2.5.4.6), "C"),
    (oid!(2.5.4.7), "L"),
    (oid!(2.5.4.8), "ST"),
    (oid!(2.5.4.10), "O"),
    (oid!(2.5.4.11), "OU"),
    (oid!(0.9.2342.19200300.100.1.1), "UID"),
    (oid!(0.9.2342.19200300.100.1.25), "DC"),
    (oid!(1.2.840.113549.1.9.1), "emailAddress"),
];

/// A name as RFC 2253 writes it; `None` where that takes escapes, an attribute is not a well-known one, or one part has
/// several.
fn subject(name: &X509Name<'_>) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -._:/@".contains(&byte);
    let mut parts = Vec::new();
    for part in name.iter_rdn() {
        let mut attributes = part.iter();
        let (attribute, None) = (attributes.next()?, attributes.next()) else { return None };
        let (_, key) = ATTRIBUTES.iter().find(|(oid, _)| oid == attribute.attr_type())?;
        let value = attribute.as_str().ok()?;
        if value.is_empty() || value.trim() != value || !value.bytes().all(plain) {
            return None;
        }
        parts.push(format!("{key}={value}"));
    }
    parts.reverse();
    Some(parts.join(",")).filter(|it| !it.is_empty() && it.len() <= 256)
}

/// SPIFFE-ID section 2: `spiffe://trust-domain/path`, a lower-case trust domain, a path of plain segments that is not
/// empty for a workload.
pub(crate) fn is_spiffe_id(text: &str) -> bool {
    let Some((domain, path)) = text.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    text.len() <= 2048
        && !domain.is_empty()
        && domain.len() <= 255
        && domain.bytes().all(|byte| plain(byte) && !byte.is_ascii_uppercase())
        && path.split('/').all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::is_spiffe_id;

    #[test]
    fn spiffe_ids_by_the_specification() {
        for good in ["spiffe://lab/agent-1", "spiffe://td.example/ns/a/sa/b", "spiffe://a/b_c.d"] {
            assert!(is_spiffe_id(good), "{good}");
        }
        for bad in [
            "spiffe://lab",
            "spiffe://lab/",
            "spiffe://Lab/a",
            "spiffe:///a",
            "https://lab/a",
            "spiffe://lab/a//b",
            "spiffe://lab/..",
            "spiffe://lab/a?b",
        ] {
            assert!(!is_spiffe_id(bad), "{bad}");
        }
    }
}
