//! GSS-API tokens, in whatever protocol carries them: SPNEGO, Kerberos and NTLM, with or without wrapping.
//!
//! Sources: RFC 2743 section 3.1 (initial token), RFC 4178 section 4.2 (SPNEGO), RFC 4121 section 4.1 (Kerberos token
//! ids), RFC 4120 sections 5.5.1 and 5.5.2 (AP-REQ, AP-REP), MS-NLMP 2.2.1 (NTLM messages) and 3.2.5.1.2 (anonymous).

use super::ber::{self, Elements, Found};
use super::sasl;
use super::{Credential, CredentialKind, Proof, Scope, Shown};

/// Start of an NTLM message.
const NTLM: &[u8] = b"NTLMSSP\0";
/// Most wrappings around a token; SPNEGO in GSS-API around Kerberos in GSS-API needs five.
const DEPTH: u8 = 8;

/// What a caller's token presents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Presented {
    /// NTLM's third message that names nobody, or answers nothing.
    Nobody,
    /// NTLM's third message: a user's answer to the challenge.
    Answer {
        /// The user, without the domain.
        user: String,
    },
    /// A Kerberos ticket with an authenticator made under its session key.
    Ticket,
}

impl Presented {
    /// The offer that this is, for the connection.
    pub(crate) fn offer(&self) -> Shown {
        match self {
            Self::Nobody => sasl::name_offer(b""),
            Self::Answer { user } => sasl::challenge_offer(user.as_bytes()),
            Self::Ticket => Shown::Offers {
                proof: Proof::Key,
                scope: Scope::Connection,
                principal: None,
                credential: Some(Credential::of(CredentialKind::Ticket)),
            },
        }
    }

    /// The kind of proof that it is.
    pub(crate) fn proof(&self) -> Proof {
        match self {
            Self::Nobody => Proof::Claim,
            Self::Answer { .. } => Proof::Secret,
            Self::Ticket => Proof::Key,
        }
    }
}

/// What a receiver's token says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// NTLM's second message: a challenge.
    Challenge,
    /// Kerberos: the receiver opened the ticket and proves that it did.
    Mutual,
}

/// What the caller's token presents; `None` for a token that only begins an exchange, and for unknown ones.
pub(crate) fn presented(token: &[u8]) -> Option<Presented> {
    match inner(token, DEPTH)? {
        Inner::Ntlm(message) => authenticate(message),
        Inner::ApReq => Some(Presented::Ticket),
        Inner::ApRep => None,
    }
}

/// What the receiver's token says.
pub(crate) fn reply(token: &[u8]) -> Option<Reply> {
    match inner(token, DEPTH)? {
        Inner::Ntlm(message) => (message.get(8) == Some(&2)).then_some(Reply::Challenge),
        Inner::ApReq => None,
        Inner::ApRep => Some(Reply::Mutual),
    }
}

/// What stands inside all wrapping.
enum Inner<'a> {
    Ntlm(&'a [u8]),
    ApReq,
    ApRep,
}

/// Unwraps. A content that is cut at its end is read as far as it is there.
fn inner(token: &[u8], depth: u8) -> Option<Inner<'_>> {
    let depth = depth.checked_sub(1)?;
    if token.starts_with(NTLM) {
        return Some(Inner::Ntlm(token));
    }
    // A Kerberos token's id (RFC 4121 section 4.1), where the wrapping around it was left out.
    if let [0x01 | 0x02, 0x00, rest @ ..] = token {
        return inner(rest, depth);
    }
    let Found::Head(head) = ber::head(token) else { return None };
    let end = head.head.saturating_add(head.length).min(token.len());
    let content = token.get(head.head..end)?;
    match head.tag {
        // InitialContextToken: a mechanism, and what it defines.
        0x60 => {
            let (0x06, mechanism) = Elements(content).next()? else { return None };
            let rest = content.get(mechanism.len().checked_add(2)?..)?;
            inner(rest, depth)
        }
        // NegTokenInit and NegTokenResp: a SEQUENCE whose field 2 is the mechanism's own token.
        0xa0 | 0xa1 => field(field_content(content, 0x30)?, 0xa2).and_then(|token| inner(token, depth)),
        // An OCTET STRING that holds the token.
        0x04 => inner(content, depth),
        0x6e if is_kerberos(content, 14) => Some(Inner::ApReq),
        0x6f if is_kerberos(content, 15) => Some(Inner::ApRep),
        _ => None,
    }
}

/// The content of the element of this tag that stands first, as far as it is there.
fn field_content(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let Found::Head(head) = ber::head(bytes) else { return None };
    let end = head.head.saturating_add(head.length).min(bytes.len());
    if head.tag == tag { bytes.get(head.head..end) } else { None }
}

/// The content of the first field of this tag; the last one may be cut.
fn field(mut fields: &[u8], tag: u8) -> Option<&[u8]> {
    loop {
        let Found::Head(head) = ber::head(fields) else { return None };
        let end = head.head.saturating_add(head.length);
        if head.tag == tag {
            return fields.get(head.head..end.min(fields.len()));
        }
        fields = fields.get(end..)?;
    }
}

/// Protocol version 5 and this message type stand first in both AP-REQ and AP-REP.
fn is_kerberos(content: &[u8], kind: u8) -> bool {
    field_content(content, 0x30)
        .is_some_and(|fields| fields.starts_with(&[0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, kind]))
}

/// AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3): who answers, if anybody.
fn authenticate(message: &[u8]) -> Option<Presented> {
    let word = |at: usize| Some(u16::from_le_bytes(message.get(at..at.checked_add(2)?)?.try_into().ok()?));
    let place = |at: usize| Some(u32::from_le_bytes(message.get(at..at.checked_add(4)?)?.try_into().ok()?));
    if message.get(8) != Some(&3) {
        return None;
    }
    let (lm_answer, nt_answer) = (word(12)?, word(20)?);
    let (length, start) = (usize::from(word(36)?), usize::try_from(place(40)?).ok()?);
    // An anonymous caller's LM answer is one zero byte or nothing.
    if length == 0 || nt_answer == 0 && lm_answer < 24 {
        return Some(Presented::Nobody);
    }
    let name = message.get(start..start.checked_add(length)?).unwrap_or_default();
    // Without flags (before NTLM 2) the name is in the OEM character set.
    let unicode = place(60).is_some_and(|flags| flags & 1 != 0) || name.get(1) == Some(&0);
    Some(Presented::Answer {
        user: if unicode { utf16(name) } else { String::from_utf8_lossy(name).into_owned() },
    })
}

/// Text in UTF-16, little-endian; what is not valid becomes U+FFFD.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Presented, Reply, presented, reply};

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        match u8::try_from(content.len()) {
            Ok(short @ ..=0x7f) => out.push(short),
            Ok(_) | Err(_) => {
                out.push(0x82);
                out.extend(u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes());
            }
        }
        out.extend_from_slice(content);
        out
    }

    /// Version 5, type `kind`, and 300 bytes that stand for the ticket.
    fn kerberos(tag: u8, kind: u8) -> Vec<u8> {
        let mut fields = vec![0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, kind];
        fields.extend(element(0xa3, &[0; 300]));
        element(tag, &element(0x30, &fields))
    }

    fn gss(mechanism: &[u8], rest: &[u8]) -> Vec<u8> {
        element(0x60, &[element(0x06, mechanism), rest.to_vec()].concat())
    }

    const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
    const KERBEROS: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";

    fn spnego_init(token: &[u8]) -> Vec<u8> {
        let mechanisms = element(0xa0, &element(0x30, &element(0x06, KERBEROS)));
        let fields = [mechanisms, element(0xa2, &element(0x04, token))].concat();
        gss(SPNEGO, &element(0xa0, &element(0x30, &fields)))
    }

    fn spnego_response(token: &[u8]) -> Vec<u8> {
        let fields = [element(0xa0, &element(0x0a, &[1])), element(0xa2, &element(0x04, token))].concat();
        element(0xa1, &element(0x30, &fields))
    }

    fn ntlm(lm: &[u8], nt: &[u8], user: &str, unicode: bool) -> Vec<u8> {
        let user: Vec<u8> =
            if unicode { user.encode_utf16().flat_map(u16::to_le_bytes).collect() } else { user.into() };
        let mut out = b"NTLMSSP\0\x03\0\0\0".to_vec();
        let mut at = 64_u32;
        for part in [lm, nt, b"", &user, b"", b""] {
            let length = u16::try_from(part.len()).unwrap_or(0);
            out.extend(length.to_le_bytes());
            out.extend(length.to_le_bytes());
            out.extend(at.to_le_bytes());
            at += u32::from(length);
        }
        out.extend(u32::from(unicode).to_le_bytes());
        for part in [lm, nt, &user] {
            out.extend_from_slice(part);
        }
        out
    }

    #[test]
    fn tickets_in_every_wrapping() {
        let request = kerberos(0x6e, 14);
        let framed = gss(KERBEROS, &[&[1, 0], request.as_slice()].concat());
        for token in [request.clone(), framed.clone(), spnego_init(&framed), spnego_response(&framed)] {
            assert_eq!(presented(&token), Some(Presented::Ticket));
            assert_eq!(reply(&token), None);
            // A long ticket of which only the start was kept.
            assert_eq!(presented(token.get(..100).unwrap_or_default()), Some(Presented::Ticket));
        }
        let answer = gss(KERBEROS, &[&[2, 0], kerberos(0x6f, 15).as_slice()].concat());
        assert_eq!(reply(&spnego_response(&answer)), Some(Reply::Mutual));
        assert_eq!(presented(&spnego_response(&answer)), None);
        assert_eq!(presented(&kerberos(0x6e, 15)), None);
    }

    #[test]
    fn ntlm_answers_and_nobody() {
        let named = Some(Presented::Answer { user: "müller".to_owned() });
        assert_eq!(presented(&ntlm(&[0; 24], &[9; 60], "müller", true)), named);
        assert_eq!(presented(&spnego_response(&ntlm(&[0; 24], &[9; 60], "müller", true))), named);
        let plain = Some(Presented::Answer { user: "bob".to_owned() });
        assert_eq!(presented(&ntlm(&[9; 24], b"", "bob", false)), plain);
        for nobody in [ntlm(&[0], b"", "", true), ntlm(b"", b"", "bob", true), ntlm(b"", &[9; 24], "", true)]
        {
            assert_eq!(presented(&nobody), Some(Presented::Nobody));
        }
        assert_eq!(presented(b"NTLMSSP\0\x01\0\0\0"), None);
        assert_eq!(reply(&spnego_response(b"NTLMSSP\0\x02\0\0\0")), Some(Reply::Challenge));
    }

    #[test]
    fn what_is_not_a_token_presents_nothing() {
        for token in
            [&b""[..], b"NTLMSSP\0\x03", b"\x60\x80", b"\x01\0\x01\0\x01\0", b"\xa1\x02\x30\0", &[4; 64]]
        {
            assert_eq!((presented(token), reply(token)), (None, None));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_token_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), at in 0_usize..200, by in 1_u8..) {
            let _ = (presented(&bytes), reply(&bytes));
            let mut token = spnego_init(&ntlm(&[0; 24], &[9; 60], "bob", true));
            let length = token.len();
            if let Some(byte) = token.get_mut(at % length) {
                *byte ^= by;
            }
            let _ = (presented(&token), reply(&token));
        }
    }
}
