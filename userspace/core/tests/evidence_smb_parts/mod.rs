//! What both versions of SMB have in common: the words expected of a flow, frames, and tokens.

use super::evidence_support::{Turn, c, s};

pub(crate) const SPEAKS_2: &str = "speaks smb2 [stream.protocol]";
pub(crate) const DEMANDS: &str = "demands Secret [smb.user-level]";
pub(crate) const DEMANDS_KEY: &str = "demands Key [smb.user-level]";
pub(crate) const ANSWERED: &str =
    "offers Secret for Connection as User \"bob\" by Password [smb.challenge-answered]";
pub(crate) const TICKET: &str = "offers Key for Connection by Ticket [smb.ticket-sent]";
pub(crate) const NOBODY: &str = "offers Claim for Connection [smb.nobody-named]";
pub(crate) const GUEST: &str = "ignores [smb.guest]";
pub(crate) const ACCEPTED: &str = "accepts [smb.proof-accepted]";
pub(crate) const OPENED: &str = "serves Service [smb.session-opened]";
pub(crate) const PUBLIC: &str = "serves Public [smb.session-for-nobody]";
pub(crate) const SERVED: &str = "serves Service [smb.served-without-proof]";
pub(crate) const WRONG: &str = "refuses ProofWrong [smb.proof-refused]";

pub(crate) const OK: u32 = 0;
pub(crate) const MORE: u32 = 0xc000_0016;
pub(crate) const LOGON_FAILURE: u32 = 0xc000_006d;
pub(crate) const DENIED: u32 = 0xc000_0022;

/// The frame of a NetBIOS session, or of TCP alone.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u32).to_be_bytes(), message].concat()
}

/// NTLM's third message with a session answer of 24 bytes, or an empty one for no name (MS-NLMP 2.2.1.3).
pub(crate) fn ntlm(user: &str) -> Vec<u8> {
    let name: Vec<u8> = user.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let answer: &[u8] = if user.is_empty() { b"" } else { b"MARKMARKMARKMARKMARKMARK" };
    let mut out = b"NTLMSSP\0\x03\0\0\0".to_vec();
    let mut at = 64_u32;
    for part in [b"", answer, b"", name.as_slice(), b"", b""] {
        let length = part.len() as u16;
        out.extend([length.to_le_bytes(), length.to_le_bytes()].concat());
        out.extend(at.to_le_bytes());
        at += part.len() as u32;
    }
    out.extend(1_u32.to_le_bytes());
    [out.as_slice(), answer, &name].concat()
}

pub(crate) const NTLM_FIRST: &[u8] = b"NTLMSSP\0\x01\0\0\0";
/// AP-REQ: version 5, type 14, and a ticket of four bytes.
pub(crate) const AP_REQ: &[u8] = b"\x6e\x12\x30\x10\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e\xa3\x04MARK";

// Version 2 (MS-SMB2 2.2.1.2).

pub(crate) const REPLY: u32 = 1;

pub(crate) fn new(command: u16, flags: u32, status: u32, id: u64, session: u64, body: &[u8]) -> Vec<u8> {
    let mut out = b"\xfeSMB\x40\0\0\0".to_vec();
    out.extend(status.to_le_bytes());
    out.extend(command.to_le_bytes());
    out.extend(1_u16.to_le_bytes());
    out.extend(flags.to_le_bytes());
    out.extend(0_u32.to_le_bytes());
    out.extend(id.to_le_bytes());
    out.extend([0; 8]);
    out.extend(session.to_le_bytes());
    out.extend([0; 16]);
    out.extend_from_slice(body);
    out
}

/// SESSION_SETUP request (2.2.5): the token stands at 88.
pub(crate) fn negotiated() -> [Turn; 2] {
    [c(frame(&new(0, 0, 0, 0, 0, &[0; 36]))), s(frame(&new(0, REPLY, 0, 0, 0, &[0; 64])))]
}
