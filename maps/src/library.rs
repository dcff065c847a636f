//! Where a TLS library keeps what the programs read of its objects, or which of its functions tell it. It travels as the
//! cookie of each attachment (`bpf_get_attach_cookie`), so that one program serves libraries of different versions.

/// The cookie at functions of GnuTLS that move bytes: nothing is read of its objects, since its functions tell.
/// No [`Layout`] is packed into it.
pub const TOLD: u64 = 0;

/// Cookies at functions of GnuTLS that a program asks about its caller: where the answer is.
pub mod answer {
    /// The list of certificates that `gnutls_certificate_get_peers` returns.
    pub const RETURNED: u64 = 0;
    /// At the address in the second argument (`gnutls_certificate_verify_peers2`).
    pub const SECOND: u64 = 1;
    /// At the address in the third argument (`gnutls_certificate_verify_peers3`).
    pub const THIRD: u64 = 2;
    /// At the address in the fourth argument (`gnutls_certificate_verify_peers`).
    pub const FOURTH: u64 = 3;
}

/// Offsets in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Of the pointer to the session in the connection (`SSL`).
    pub session: u16,
    /// Of the pointer to the peer's certificate in the session.
    pub peer: u16,
    /// Of the verification's result in the connection.
    pub verify_result: u16,
    /// Of the verification's mode in the connection.
    pub verify_mode: u16,
}

impl Layout {
    /// As one number. A layout of zeros only is none.
    #[must_use]
    pub const fn pack(self) -> u64 {
        let Self { session, peer, verify_result, verify_mode } = self;
        session as u64 | (peer as u64) << 16 | (verify_result as u64) << 32 | (verify_mode as u64) << 48
    }

    /// Back from one number.
    #[must_use]
    pub const fn unpack(packed: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = packed.to_le_bytes();
        Self {
            session: u16::from_le_bytes([a, b]),
            peer: u16::from_le_bytes([c, d]),
            verify_result: u16::from_le_bytes([e, f]),
            verify_mode: u16::from_le_bytes([g, h]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn what_is_packed_comes_back() {
        let layout = Layout { session: 0x918, peer: 0x2b8, verify_result: 0xffff, verify_mode: 1 };
        assert_eq!(Layout::unpack(layout.pack()), layout);
    }
}
