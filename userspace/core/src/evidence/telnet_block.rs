//! Telnet's terminals of blocks: 3270 and 5250, whose sign-on stands on a screen, or in environment variables.
//!
//! Sources: RFC 1091 (terminal type), RFC 1572 (environment), RFC 2355 (TN3270E), RFC 4777 sections 5 (automatic
//! sign-on) and 10 (start-up response).

use crate::event::Role;

/// Text of the receiver that holds a whole start-up response: 73 bytes, and an end of record.
pub(crate) const START: usize = 96;

/// Kinds of terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Blocks {
    /// IBM mainframes.
    Screens3270,
    /// IBM i.
    Screens5250,
}

/// What a subnegotiation says.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Said<'a> {
    /// The caller's terminal.
    Terminal(Blocks),
    /// TN3270E: the caller asks to be a device, by name or not.
    Device(Option<&'a [u8]>),
    /// TN3270E: the receiver refuses it.
    Rejected,
    /// RFC 4777: the caller signs on.
    SignOn { name: &'a [u8], password: &'a [u8], cleartext: bool },
}

/// What a start-up response says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    /// It is not there, or says something else.
    More,
    /// I901, I902.
    Started,
    /// 8936, a security failure.
    Failed,
}

/// Reads the content of a subnegotiation of `option`.
pub(crate) fn said(from: Role, option: u8, content: &[u8]) -> Option<Said<'_>> {
    match (from, option, content) {
        (Role::Originator, 24, [0, name @ ..]) => terminal(name).map(Said::Terminal),
        // DEVICE-TYPE REQUEST, a type, and CONNECT with the device's name.
        (Role::Originator, 40, [2, 7, rest @ ..]) => {
            let name =
                rest.iter().position(|byte| *byte == 1).and_then(|at| rest.get(at.saturating_add(1)..));
            Some(Said::Device(name.filter(|name| !name.is_empty())))
        }
        (Role::Responder, 40, [2, 6, ..]) => Some(Said::Rejected),
        (Role::Originator, 39, [0 | 2, variables @ ..]) => sign_on(variables),
        _ => None,
    }
}

fn terminal(name: &[u8]) -> Option<Blocks> {
    let name = name.to_ascii_uppercase();
    let is = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start.as_bytes()));
    if is(&["IBM-327", "IBM-328", "IBM-DYNAMIC"]) {
        Some(Blocks::Screens3270)
    } else if is(&["IBM-5", "IBM-317", "IBM-318", "IBM-319", "IBM-347", "IBM-348", "IBM-381"]) {
        Some(Blocks::Screens5250)
    } else {
        None
    }
}

/// The variables `USER`, `IBMRSEED` (behind whose name the seed stands) and `IBMSUBSPW`.
fn sign_on(variables: &[u8]) -> Option<Said<'_>> {
    let (mut name, mut password, mut seeded) = (&b""[..], &b""[..], false);
    // The first byte of each part is VAR (0) or USERVAR (3); an encrypted value may hold these bytes too, so that its
    // length is not certain: it is only known to be there.
    for part in variables.split(|byte| matches!(byte, 0 | 3)) {
        let at = part.iter().position(|byte| *byte == 1).unwrap_or(part.len());
        let (variable, value) = part.split_at_checked(at).unwrap_or((part, &[]));
        let value = value.get(1..).unwrap_or_default();
        match variable {
            b"USER" => name = value,
            b"IBMSUBSPW" => password = value,
            [b'I', b'B', b'M', b'R', b'S', b'E', b'E', b'D', seed @ ..] => {
                seeded = [seed, value].concat().iter().any(|byte| *byte != 0);
            }
            _ => {}
        }
    }
    (!password.is_empty()).then_some(Said::SignOn { name, password, cleartext: !seeded })
}

/// Looks for a start-up response (record of type 12A0h, code in EBCDIC).
pub(crate) fn start(text: &[u8]) -> Start {
    let Some(at) = text.windows(2).position(|it| it == [0x12, 0xa0]) else { return Start::More };
    let record = text.get(at..).unwrap_or_default();
    let has = |code: &[u8]| record.windows(4).any(|it| it == code);
    if has(&[0xc9, 0xf9, 0xf0, 0xf1]) || has(&[0xc9, 0xf9, 0xf0, 0xf2]) {
        Start::Started
    } else if has(&[0xf8, 0xf9, 0xf3, 0xf6]) {
        Start::Failed
    } else {
        Start::More
    }
}
