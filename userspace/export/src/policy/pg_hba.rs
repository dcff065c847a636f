//! `pg_hba.conf`: which role may log in, and by what proof (PostgreSQL manual, section "The pg_hba.conf File").

use std::fmt::Write as _;

use tierzero_core::evidence::PrincipalKind;
use tierzero_core::verdict::Check;

use super::named::Named;
use crate::visible::untrusted;

/// A rule for each role, and the refusal of everyone else. `None` where no role is known.
pub(super) fn rules(named: &Named<'_>) -> Option<String> {
    if named.listener.protocol.as_deref() != Some("postgresql") {
        return None;
    }
    let mut roles = named
        .allowed
        .iter()
        .filter(|it| matches!(it.kind, PrincipalKind::Role | PrincipalKind::User))
        .peekable();
    roles.peek()?;
    let mut text = String::new();
    for role in roles {
        let Some(name) = quoted(&role.name) else {
            let _ = writeln!(
                text,
                "# not stated: pg_hba.conf has no way to write the role {}",
                untrusted(&role.name)
            );
            continue;
        };
        match named.check(role) {
            Some(Check::Secret) => {
                let _ = writeln!(text, "# names an identity\nhost all {name} all scram-sha-256");
            }
            _ => {
                let _ = writeln!(
                    text,
                    "# choose what this role has to prove (cert, gss, scram-sha-256), then take the # away:\n\
                     # host all {name} all METHOD"
                );
            }
        }
    }
    text.push_str("host all all all reject\n");
    text.push_str("# a password that is kept as md5 has to be set anew before scram-sha-256 takes it\n");
    Some(text)
}

/// A role between quotes, so that no keyword, `+group` or `@file` is read into it. A slash at the beginning is a
/// regular expression even between quotes (since PostgreSQL 16), and a line ends where the file's line does.
fn quoted(name: &str) -> Option<String> {
    let fits = !name.is_empty()
        && !name.starts_with('/')
        && untrusted(name) == name
        && !name.contains('\u{fffd}')
        // A backslash at the end of a line goes on with the next one.
        && !name.contains('\\');
    fits.then(|| format!("\"{}\"", name.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_role_stays_one_word_on_its_line_or_is_not_stated() {
        assert_eq!(quoted("app").as_deref(), Some("\"app\""));
        assert_eq!(quoted("all").as_deref(), Some("\"all\""));
        assert_eq!(quoted("a\"b c,#d").as_deref(), Some("\"a\"\"b c,#d\""));
        assert_eq!(quoted("+admins").as_deref(), Some("\"+admins\""));
        for name in ["", "/^.*$", "a\nhost all all all trust", "a\\", "\u{202e}a", "\u{fffd}"] {
            assert_eq!(quoted(name), None, "{name:?}");
        }
    }
}
