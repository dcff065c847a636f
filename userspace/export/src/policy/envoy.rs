//! Envoy's `DownstreamTlsContext`: which names a caller's certificate must carry one of (Envoy API v3,
//! `extensions.transport_sockets.tls.v3.CertificateValidationContext`).

use std::fmt::Write as _;

use serde_json::json;
use tierzero_core::evidence::PrincipalKind;

use super::named::Named;
use crate::visible::untrusted;

/// The context as JSON, which is YAML too. `None` where no name of a certificate is known.
pub(super) fn rules(named: &Named<'_>) -> Option<String> {
    named.certified().next()?;
    let mut text = String::new();
    let mut names = Vec::new();
    for it in named.certified() {
        // What was cut, or was no text, is not the whole name.
        if it.kind == PrincipalKind::SpiffeId && it.name.len() < 256 && !it.name.contains('\u{fffd}') {
            names.push(json!({ "san_type": "URI", "matcher": { "exact": it.name } }));
        } else {
            let _ = writeln!(
                text,
                "# not stated: Envoy matches alternative names, and none was seen of {}",
                untrusted(&it.name)
            );
        }
    }
    if names.is_empty() {
        // Without one name Envoy would take every certificate of the authority.
        return Some(text);
    }
    let context = json!({
        "require_client_certificate": true,
        "common_tls_context": { "validation_context": { "match_typed_subject_alt_names": names } },
    });
    let _ = writeln!(
        text,
        "# names identities; add trusted_ca: who may state these names is not to be learnt from traffic\n{context:#}"
    );
    Some(ascii(text))
}

/// JSON with every letter beyond ASCII by its number: a name must not change how the text around it looks.
fn ascii(text: String) -> String {
    if text.is_ascii() {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if letter.is_ascii() {
            out.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}
