//! What the sizes of encrypted SSH packets say about authentication, and what they don't.
//!
//! RFC 4252: SERVICE_ACCEPT is 17 bytes of payload and USERAUTH_SUCCESS is 1, so whatever the cipher, success is 16
//! bytes shorter on the wire than the receiver's first answer. A public key is first named, echoed (PK_OK), and then
//! sent with a signature. This is inferred evidence: it never says who, and whatever it can't explain is undecided.

use crate::event::Role;

/// How the caller proved itself, by the sizes alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// A key was named, echoed and signed with.
    Key,
    /// A short answer, as of a password or a dialogue.
    Short,
    /// The sizes fit nothing that is known, or more than one.
    Undecided,
}

/// A public key's name, and so its echo, is longer than this.
const NAMED_KEY: u64 = 90;
/// Least that a signature adds.
const SIGNATURE: u64 = 64;
/// Most that a password or an answer in a dialogue takes.
const SHORT: u64 = 200;

/// What the packets after the key exchange show; `None` as long as success was not seen. Each is who sent it and how
/// many bytes it took on the wire.
pub(crate) fn judge(packets: &[(Role, u64)]) -> Option<Shape> {
    let first = packets.iter().position(|(from, _)| *from == Role::Originator)?;
    let rest = packets.get(first..)?;
    let service = rest.iter().position(|(from, _)| *from == Role::Responder)?;
    let (_, accept) = rest.get(service)?;
    let success = accept.checked_sub(16)?;
    let after = rest.get(service.saturating_add(1)..)?;
    let end = after.iter().position(|(from, size)| *from == Role::Responder && *size == success)?;
    let dialogue = after.get(..end)?;
    let asked = dialogue.iter().filter(|(from, _)| *from == Role::Originator).count();
    // With one request, a method that needs no proof can't be told from a short password sent at once.
    let Some((Role::Originator, last)) = dialogue.last().filter(|_| asked > 1) else {
        return Some(Shape::Undecided);
    };
    let named = dialogue.windows(2).any(|pair| match pair {
        [(Role::Originator, name), (Role::Responder, echo)] => {
            *echo > NAMED_KEY
                && (16..=64).contains(&name.saturating_sub(*echo))
                && *last >= name.saturating_add(SIGNATURE)
        }
        _ => false,
    });
    Some(if named {
        Shape::Key
    } else if *last <= SHORT {
        Shape::Short
    } else {
        Shape::Undecided
    })
}

#[cfg(test)]
mod tests {
    use super::{Role, Shape, judge};

    /// Sizes of OpenSSH 9.2, the caller's and the receiver's in turn.
    fn shape(sizes: &[u64]) -> Option<Shape> {
        let roles = [Role::Originator, Role::Responder].into_iter().cycle();
        judge(&roles.zip(sizes.iter().copied()).collect::<Vec<_>>())
    }

    #[test]
    fn measured_sizes() {
        for (sizes, expect) in [
            // chacha20-poly1305, then aes128-gcm: Ed25519, RSA-3072, password, a wrong password first, none.
            (&[44, 44, 68, 52, 140, 100, 308, 28][..], Some(Shape::Key)),
            (&[52, 52, 68, 52, 148, 100, 308, 36], Some(Shape::Key)),
            (&[44, 44, 68, 52, 500, 460, 988, 28], Some(Shape::Key)),
            (&[44, 44, 68, 52, 148, 28], Some(Shape::Short)),
            (&[44, 44, 68, 52, 84, 52, 148, 28], Some(Shape::Short)),
            (&[44, 44, 68, 28], Some(Shape::Undecided)),
            (&[44, 44, 68, 52, 988, 28], Some(Shape::Undecided)),
            (&[44, 44, 68, 52, 84, 52], None),
            (&[44, 10, 68, 52], None),
            (&[], None),
        ] {
            assert_eq!(shape(sizes), expect, "{sizes:?}");
        }
    }
}
