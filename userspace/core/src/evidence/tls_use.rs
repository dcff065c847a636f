//! Whether an encryption that was set up is used: by both sides, for more than an alert.
//!
//! Sources: RFC 8446 sections 4.4 and 5.1, RFC 6066 section 3 (server_name).

use super::tls_record::{APPLICATION, Happened};
use crate::event::Role;

/// Longest record of type 23 that may be an alert: 2 bytes, the inner type and the tag of the cipher.
const ALERT_RECORD: u16 = 24;

/// Records of application data since the receiver chose a version.
#[derive(Default, Debug)]
pub(crate) struct Use {
    client: u32,
    server: u32,
}

impl Use {
    /// One thing on the record layer, once a version was chosen.
    pub(crate) fn happened(&mut self, from: Role, happened: &Happened) {
        match (from, happened) {
            (Role::Originator, Happened::Encrypted(APPLICATION, length)) if *length > ALERT_RECORD => {
                self.client = self.client.saturating_add(1);
            }
            // What comes before the client's first is the server's part of a handshake of TLS 1.3.
            (Role::Responder, Happened::Encrypted(APPLICATION, length))
                if *length > ALERT_RECORD && self.client > 0 =>
            {
                self.server = self.server.saturating_add(1);
            }
            _ => {}
        }
    }

    /// Both sides used it, where `own` records of the client belong to the handshake.
    pub(crate) fn by_both(&self, own: u32) -> bool {
        self.client > own && self.server > 0
    }

    /// So many records were looked at that what was not seen will not be looked for.
    pub(crate) fn enough(&self) -> bool {
        self.client.saturating_add(self.server) >= 16
    }
}

/// The host name of a server_name extension (RFC 6066 section 3), in lower case; `None` for what no host is called.
pub(crate) fn server_name(content: &[u8]) -> Option<String> {
    let (_, entries) = content.split_first_chunk::<2>()?;
    let (kind, rest) = entries.split_first()?;
    let (length, name) = rest.split_first_chunk::<2>()?;
    let name = name.get(..usize::from(u16::from_be_bytes(*length)))?;
    let plain = |it: &u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.' | b'_');
    // RFC 1035 section 2.3.4: 255 octets on the wire.
    if *kind != 0 || name.is_empty() || name.len() > 253 || !name.iter().all(plain) {
        return None;
    }
    std::str::from_utf8(name).ok().map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_are_read_and_others_are_not() {
        let list = |name: &[u8]| {
            let length = u8::try_from(name.len()).unwrap_or_default();
            [&[0, length + 3, 0, 0, length], name].concat()
        };
        assert_eq!(server_name(&list(b"Api.Anthropic.com")).as_deref(), Some("api.anthropic.com"));
        assert_eq!(server_name(&list(b"two words")), None);
        assert_eq!(server_name(&list(b"")), None);
        assert_eq!(server_name(&[0, 9, 0, 0, 200, b'a']), None);
        assert_eq!(server_name(&[]), None);
    }

    #[test]
    fn a_handshake_alone_is_no_use_and_neither_is_an_alert() {
        let record = |length| Happened::Encrypted(APPLICATION, length);
        let mut shown = Use::default();
        shown.happened(Role::Responder, &record(900));
        shown.happened(Role::Originator, &record(53));
        shown.happened(Role::Responder, &record(250));
        assert!(!shown.by_both(1));
        shown.happened(Role::Originator, &record(19));
        assert!(!shown.by_both(1));
        shown.happened(Role::Originator, &record(400));
        assert!(shown.by_both(1));
    }
}
