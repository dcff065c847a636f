//! nginx: which subjects a caller's certificate must have one of (ngx_http_map_module, ngx_http_ssl_module's
//! `$ssl_client_s_dn`, in the form of RFC 2253 since 1.11.6). nginx has no variable with alternative names.

use std::fmt::Write as _;

use super::named::Named;
use crate::visible::untrusted;

/// A map of subjects, and where it is asked. `None` where no name of a certificate is known.
pub(super) fn rules(named: &Named<'_>) -> Option<String> {
    named.certified().next()?;
    let variable = format!("tierzero_{}", named.listener.id.as_str().replace('-', "_"));
    let mut text = String::from(
        "# nginx sees no alternative names: each rule names the subject of the certificates in which the name stood, so\n\
         # whoever the same authority gives a certificate with that subject is taken for it.\n",
    );
    let _ = writeln!(text, "map $ssl_client_s_dn ${variable} {{\n    default refused;");
    for name in named.certified() {
        let said = untrusted(&name.name);
        let Some(subjects) = named.subjects(name) else {
            let _ = writeln!(text, "    # not stated: no subject in a plain form was seen of {said}");
            continue;
        };
        for subject in subjects {
            if let Some(other) = named.shares(subject, name) {
                let _ = writeln!(
                    text,
                    "    # not stated: {said} has the same subject as {}",
                    untrusted(&other.name)
                );
            } else if let Some(pattern) = pattern(subject) {
                let _ = writeln!(text, "    # names an identity: {said}\n    \"{pattern}\" named;");
            } else {
                let _ = writeln!(text, "    # not stated: {}", untrusted(subject));
            }
        }
    }
    let _ = writeln!(
        text,
        "}}\n# in the server at that place, which has ssl_verify_client on:\n\
         #     if (${variable} != named) {{ return 403; }}"
    );
    Some(text)
}

/// A regular expression for this subject alone: strings in a map are compared without regard to case.
fn pattern(subject: &str) -> Option<String> {
    let mut pattern = String::from("~^");
    for letter in subject.chars() {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '-' | '_' | ':' | '/' | '@' | '=' | ',' => {
                pattern.push(letter);
            }
            '.' => pattern.push_str("[.]"),
            _ => return None,
        }
    }
    pattern.push('$');
    Some(pattern)
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn a_subject_is_matched_as_it_is_or_not_stated() {
        assert_eq!(pattern("CN=agent-1,O=Lab Ltd.").as_deref(), Some("~^CN=agent-1,O=Lab Ltd[.]$"));
        for subject in ["CN=a\"; return 200; #", "CN=.*|x", "CN=a\nb", "CN=$host", "CN=\\41", "CN=ä"] {
            assert_eq!(pattern(subject), None, "{subject:?}");
        }
    }
}
