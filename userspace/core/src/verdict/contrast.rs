//! Contrast: what all callers of one listener together show about each of them.
//!
//! A refusal of one caller is what turns another's presented credential into a checked one; service without proof is
//! what turns it into decoration (evidence catalogue 0.2).

use serde::{Deserialize, Serialize};

use super::{Check, Strength};
use crate::evidence::Proof;

/// Kinds of proof that are told apart when callers are compared. A password and a bearer answer the same challenge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ProofKind {
    /// Secret or token.
    Secret,
    /// Private-key or Kerberos proof.
    Key,
}

impl ProofKind {
    /// Of a proof; a mere claim is none.
    #[must_use]
    pub fn of(proof: Proof) -> Option<Self> {
        match proof {
            Proof::Claim => None,
            Proof::Secret | Proof::Token => Some(Self::Secret),
            Proof::Key => Some(Self::Key),
        }
    }

    /// Of a check.
    #[must_use]
    pub fn of_check(check: Check) -> Option<Self> {
        match check {
            Check::Secret | Check::Token => Some(Self::Secret),
            Check::Key => Some(Self::Key),
            Check::None | Check::Address | Check::Claimed | Check::Kernel | Check::Opaque | Check::Public => {
                None
            }
        }
    }
}

/// What a listener did about one kind of proof, in flows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KindContrast {
    /// Flows in which it asked for it.
    pub demanded: u64,
    /// Flows in which it refused because there was none.
    pub refused_missing: u64,
    /// Flows in which it refused because it was wrong.
    pub refused_wrong: u64,
    /// Flows in which it asked, got none, and served all the same.
    pub declined_and_served: u64,
}

/// What a listener did to all of its callers together, in flows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Contrast {
    /// About passwords, keys strings, bearers and tokens.
    pub secret: KindContrast,
    /// About private-key and Kerberos proof.
    pub key: KindContrast,
    /// Flows refused for where they came from.
    pub refused_place: u64,
    /// Connections that the kernel refused for the socket file's permission.
    pub refused_kernel: u64,
    /// Flows that it served without any proof.
    pub served_without_proof: u64,
}

impl Contrast {
    /// About one kind.
    #[must_use]
    pub fn kind(&self, kind: ProofKind) -> &KindContrast {
        match kind {
            ProofKind::Secret => &self.secret,
            ProofKind::Key => &self.key,
        }
    }

    pub(super) fn kind_mut(&mut self, kind: ProofKind) -> &mut KindContrast {
        match kind {
            ProofKind::Secret => &mut self.secret,
            ProofKind::Key => &mut self.key,
        }
    }

    /// True when anybody was refused for what he could not prove.
    #[must_use]
    pub fn refused_someone(&self) -> bool {
        let Self { secret, key, refused_place: _, refused_kernel, served_without_proof: _ } = self;
        secret.refused_missing
            + secret.refused_wrong
            + key.refused_missing
            + key.refused_wrong
            + refused_kernel
            > 0
    }

    /// Counts what another flow, or a later part of the same flow, showed.
    pub fn add(&mut self, other: &Self) {
        let Self { secret, key, refused_place, refused_kernel, served_without_proof } = other;
        self.secret.add(secret);
        self.key.add(key);
        self.refused_place += refused_place;
        self.refused_kernel += refused_kernel;
        self.served_without_proof += served_without_proof;
    }

    /// What it shows beyond an earlier state of itself.
    pub(super) fn beyond(&self, earlier: &Self) -> Self {
        let kind = |now: &KindContrast, was: &KindContrast| KindContrast {
            demanded: now.demanded.saturating_sub(was.demanded),
            refused_missing: now.refused_missing.saturating_sub(was.refused_missing),
            refused_wrong: now.refused_wrong.saturating_sub(was.refused_wrong),
            declined_and_served: now.declined_and_served.saturating_sub(was.declined_and_served),
        };
        Self {
            secret: kind(&self.secret, &earlier.secret),
            key: kind(&self.key, &earlier.key),
            refused_place: self.refused_place.saturating_sub(earlier.refused_place),
            refused_kernel: self.refused_kernel.saturating_sub(earlier.refused_kernel),
            served_without_proof: self.served_without_proof.saturating_sub(earlier.served_without_proof),
        }
    }

    /// What judgement depends on: which counts are not zero.
    #[must_use]
    pub fn signs(&self) -> [bool; 11] {
        let Self { secret, key, refused_place, refused_kernel, served_without_proof } = self;
        let [a, b, c, d] = secret.signs();
        let [e, f, g, h] = key.signs();
        [a, b, c, d, e, f, g, h, *refused_place > 0, *refused_kernel > 0, *served_without_proof > 0]
    }

    /// How sure it is that this listener insists on `check`, for a flow on which it asked for it (or did not).
    ///
    /// `enforced`: somebody without proof was refused. For a volunteered credential a wrong one refused is not
    /// enough while others are served with none at all.
    /// `demanded`: asked for on this flow, and nobody else could just decline.
    #[must_use]
    pub fn strength(&self, check: Check, asked: bool) -> Option<Strength> {
        if check == Check::Kernel {
            return Some(if self.refused_kernel > 0 { Strength::Enforced } else { Strength::Demanded });
        }
        let kind = self.kind(ProofKind::of_check(check)?);
        let asked = asked && kind.declined_and_served == 0;
        let refused =
            kind.refused_missing > 0 || (kind.refused_wrong > 0 && (asked || self.served_without_proof == 0));
        Some(match (refused, asked) {
            (true, _) => Strength::Enforced,
            (false, true) => Strength::Demanded,
            (false, false) => Strength::Presented,
        })
    }
}

impl KindContrast {
    fn add(&mut self, other: &Self) {
        let Self { demanded, refused_missing, refused_wrong, declined_and_served } = other;
        self.demanded += demanded;
        self.refused_missing += refused_missing;
        self.refused_wrong += refused_wrong;
        self.declined_and_served += declined_and_served;
    }

    fn signs(&self) -> [bool; 4] {
        let Self { demanded, refused_missing, refused_wrong, declined_and_served } = self;
        [*demanded > 0, *refused_missing > 0, *refused_wrong > 0, *declined_and_served > 0]
    }
}

/// A set of kinds of proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Kinds {
    pub(super) secret: bool,
    pub(super) key: bool,
}

impl Kinds {
    pub(super) const BOTH: Self = Self { secret: true, key: true };

    pub(super) fn has(self, kind: ProofKind) -> bool {
        match kind {
            ProofKind::Secret => self.secret,
            ProofKind::Key => self.key,
        }
    }

    pub(super) fn insert(&mut self, kind: ProofKind) {
        match kind {
            ProofKind::Secret => self.secret = true,
            ProofKind::Key => self.key = true,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.secret |= other.secret;
        self.key |= other.key;
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    pub(super) fn each(self) -> impl Iterator<Item = ProofKind> {
        [ProofKind::Secret, ProofKind::Key].into_iter().filter(move |kind| self.has(*kind))
    }
}
