//! The head of one ONC RPC message, whatever carries it.
//!
//! Sources: RFC 5531 sections 8, 9 and 11 (messages and record marks), 8.2 and appendix A (flavors, AUTH_SYS), RFC 2695
//! section 2 (AUTH_DH), RFC 2203 section 5 and RFC 7861 section 2 (RPCSEC_GSS), RFC 9289 section 4.1 (AUTH_TLS).

use super::cursor::Cursor;
use super::resp::Read;
use super::{Principal, PrincipalKind};

/// Most bytes of a credential or verifier body (RFC 5531 section 8.2).
const BODY: u32 = 400;
/// Most bytes in which all that is read of a message must lie: its head and both bodies are at most 864 long.
const HEAD: usize = 2048;
/// DER of the Kerberos mechanism's object identifier, 1.2.840.113554.1.2.2 (RFC 4121 section 4.1).
const KERBEROS: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";

/// One call.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Call {
    pub(crate) xid: u32,
    pub(crate) program: u32,
    pub(crate) version: u32,
    pub(crate) procedure: u32,
    pub(crate) credential: Credential,
}

/// What a call's credential says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Credential {
    /// AUTH_NONE.
    Nobody,
    /// AUTH_SYS; no name where the bytes that were kept end before it.
    System(Option<Principal>),
    /// AUTH_SHORT.
    Short,
    /// AUTH_DH, with the name where it is written out.
    DiffieHellman(Option<Principal>),
    /// RPCSEC_GSS that sets up a context. True for Kerberos.
    Context { kerberos: bool },
    /// RPCSEC_GSS that ends one.
    Ends,
    /// RPCSEC_GSS in use; `wrapped` when the results are not in clear as the program defines them.
    Sealed { wrapped: bool },
    /// AUTH_TLS: asks whether the receiver takes TLS.
    AsksForTls,
    /// Another flavor.
    Other,
}

/// What kind of message, and which transaction.
pub(crate) fn opening(bytes: &[u8]) -> Option<(u32, bool)> {
    let mut cursor = Cursor(bytes);
    let xid = number(&mut cursor)?;
    let kind = number(&mut cursor)?;
    (kind <= 1).then_some((xid, kind == 0))
}

/// Reads a call and what is there of its arguments; `length` is how long the message is, of which `bytes` are the first.
pub(crate) fn call(bytes: &[u8], length: u64) -> Read<(Call, &[u8])> {
    decided(call_head(bytes), bytes, length)
}

/// What came of reading `bytes`, the first of a message of `length`.
pub(crate) fn decided<T>(read: Option<T>, bytes: &[u8], length: u64) -> Read<T> {
    match read {
        Some(read) => Read::Got(read),
        None if bytes.len() as u64 >= length || bytes.len() >= HEAD => Read::Broken,
        None => Read::More,
    }
}

/// The next unsigned integer.
pub(crate) fn number(cursor: &mut Cursor<'_>) -> Option<u32> {
    cursor.array().map(u32::from_be_bytes)
}

/// The next variable-length opaque of at most `most` bytes, its padding passed over.
pub(crate) fn opaque<'a>(cursor: &mut Cursor<'a>, most: u32) -> Option<&'a [u8]> {
    let length = usize::try_from(number(cursor).filter(|length| *length <= most)?).ok()?;
    let bytes = cursor.take(length)?;
    cursor.take(length.next_multiple_of(4).saturating_sub(length))?;
    Some(bytes)
}

fn call_head(bytes: &[u8]) -> Option<(Call, &[u8])> {
    let mut cursor = Cursor(bytes);
    let xid = number(&mut cursor)?;
    let (kind, rpc_version) = (number(&mut cursor)?, number(&mut cursor)?);
    if (kind, rpc_version) != (0, 2) {
        return None;
    }
    let (program, version, procedure) = (number(&mut cursor)?, number(&mut cursor)?, number(&mut cursor)?);
    let flavor = number(&mut cursor)?;
    let body = opaque(&mut cursor, BODY)?;
    number(&mut cursor)?;
    opaque(&mut cursor, BODY)?;
    let credential = credential(flavor, body, cursor)?;
    Some((Call { xid, program, version, procedure, credential }, cursor.0))
}

fn credential(flavor: u32, body: &[u8], arguments: Cursor<'_>) -> Option<Credential> {
    Some(match flavor {
        0 => Credential::Nobody,
        1 => Credential::System(system(body)),
        2 => Credential::Short,
        3 => Credential::DiffieHellman(net_name(body)),
        6 => security(body, arguments)?,
        7 => Credential::AsksForTls,
        _ => Credential::Other,
    })
}

/// Stamp, machine, uid, gid, gids (RFC 5531 appendix A).
fn system(body: &[u8]) -> Option<Principal> {
    let mut cursor = Cursor(body);
    number(&mut cursor)?;
    let machine = opaque(&mut cursor, 255)?;
    let uid = number(&mut cursor)?;
    let name = [uid.to_string().as_bytes(), b"@", machine].concat();
    Some(Principal::bounded(PrincipalKind::Uid, &name))
}

/// The full name of AUTH_DH (RFC 2695 section 2.3).
fn net_name(body: &[u8]) -> Option<Principal> {
    let mut cursor = Cursor(body);
    if number(&mut cursor)? != 0 {
        return None;
    }
    Some(Principal::bounded(PrincipalKind::User, opaque(&mut cursor, 255)?))
}

/// Version, procedure, sequence number, service, handle (RFC 2203 section 5).
fn security(body: &[u8], mut arguments: Cursor<'_>) -> Option<Credential> {
    let mut cursor = Cursor(body);
    let (version, procedure) = (number(&mut cursor)?, number(&mut cursor)?);
    number(&mut cursor)?;
    let service = number(&mut cursor)?;
    if !(1..=3).contains(&version) {
        return Some(Credential::Other);
    }
    Some(match procedure {
        0 => Credential::Sealed { wrapped: service != 1 },
        1 | 2 => {
            // The token begins with its mechanism (RFC 2743 section 3.1); one that continues a context need not.
            let size = usize::try_from(number(&mut arguments)?.min(24)).ok()?;
            let token = arguments.take(size)?;
            Credential::Context { kerberos: token.windows(KERBEROS.len()).any(|part| part == KERBEROS) }
        }
        3 => Credential::Ends,
        _ => Credential::Other,
    })
}

/// What a reply says, as far as every program says it in the same way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// Executed; `digest` when the verifier is one of RPCSEC_GSS, `tls` when it says `STARTTLS`.
    Done { digest: bool, tls: bool },
    /// Not executed: no such program, version or procedure, or arguments that make no sense.
    Failed,
    /// Refused for its credential, with this `auth_stat`.
    Denied(u32),
}

/// Reads a reply and leaves `cursor` at its results; `None` where it is not all there, or none.
pub(crate) fn reply(cursor: &mut Cursor<'_>) -> Option<Reply> {
    number(cursor)?;
    if number(cursor)? != 1 {
        return None;
    }
    match number(cursor)? {
        0 => {
            let flavor = number(cursor)?;
            let body = opaque(cursor, BODY)?;
            let status = number(cursor)?;
            Some(match status {
                0 => Reply::Done { digest: flavor == 6, tls: body == b"STARTTLS" },
                1..=5 => Reply::Failed,
                _ => return None,
            })
        }
        1 => match number(cursor)? {
            0 => Some(Reply::Failed),
            1 => number(cursor).map(Reply::Denied),
            _ => None,
        },
        _ => None,
    }
}
