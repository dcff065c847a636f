//! Keyed fingerprints: the only trace that a credential leaves.
//!
//! A fingerprint says "the same secret again" and nothing else. It is HMAC-SHA-256 (RFC 2104) under a key made at
//! installation, cut to 64 bits: without the key, not even a four-letter password can be found by trying.

use std::fmt;

use hmac::{HmacReset, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The fingerprint of one credential: 16 hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes fingerprints under one key.
#[derive(Clone)]
pub struct Fingerprinter {
    key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Fingerprinter {
    /// Never prints the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprinter")
    }
}

impl Fingerprinter {
    /// With the key of this installation.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: Zeroizing::new(key) }
    }

    /// Fingerprints a credential. `kind` keeps equal strings of different kinds apart.
    #[must_use]
    pub fn of(&self, kind: &str, value: &[u8]) -> Fingerprint {
        let Ok(mut mac) = HmacReset::<Sha256>::new_from_slice(self.key.as_slice()) else {
            // HMAC takes keys of any length (RFC 2104 section 2), so this arm is never taken.
            return Fingerprint(String::new());
        };
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(value);
        // The last block of the value stands in `mac`, which wipes itself where it is: it must not be moved.
        let tag = mac.finalize_reset().into_bytes();
        Fingerprint(tag.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_key_same_value_same_fingerprint_and_nothing_else() {
        let a = Fingerprinter::new([1; 32]);
        let b = Fingerprinter::new([2; 32]);
        assert_eq!(a.of("password", b"x"), a.of("password", b"x"));
        assert_ne!(a.of("password", b"x"), a.of("password", b"y"));
        assert_ne!(a.of("password", b"x"), a.of("api-key", b"x"));
        assert_ne!(a.of("password", b"x"), b.of("password", b"x"));
    }
}
