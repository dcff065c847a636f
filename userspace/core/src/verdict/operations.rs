//! Contrast by operation: what a listener did about one thing that it was asked for.
//!
//! A refusal of one operation says nothing about another, and neither does service without proof (evidence catalogue
//! 0.2). Only where a protocol's requests name what they ask for can operations be told apart.

use serde::{Deserialize, Serialize};

use super::contrast::{Kinds, ProofKind};
use super::ledger::Ledger;
use super::{Contrast, FlowClass};
use crate::fingerprint::Fingerprint;

/// Most operations that are told apart on one flow, and on one listener.
const MOST: usize = 31;

/// What a listener did about one operation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OperationContrast {
    /// The operation's keyed fingerprint.
    pub operation: Fingerprint,
    /// What all callers of it together show.
    pub contrast: Contrast,
}

/// Operations of a listener for which a flow volunteered its proof: one bit each, the last bit for any that is not
/// told apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Operations(u32);

impl Operations {
    /// One that is not told apart.
    pub(crate) const OTHER: Self = Self(1 << MOST);

    /// True for flows whose proof counts for whatever the listener does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// One that is not told apart belongs to it.
    pub(crate) fn insert_other(&mut self) {
        self.0 |= Self::OTHER.0;
    }

    fn insert(&mut self, index: usize) {
        self.0 |= if index < MOST { 1 << index } else { Self::OTHER.0 };
    }

    fn has(self, index: usize) -> bool {
        index < MOST && self.0 >> index & 1 == 1
    }
}

/// What flows of a class are compared with.
pub trait Contrasting {
    /// What the listener did about that for which these flows showed their proof.
    fn about(&self, class: FlowClass) -> Contrast;
}

impl Contrasting for Contrast {
    fn about(&self, _class: FlowClass) -> Contrast {
        *self
    }
}

/// What a listener did, over all and by operation.
#[derive(Clone, Debug, Default)]
pub struct Contrasts {
    /// Over all.
    pub whole: Contrast,
    /// By operation, where operations can be told apart.
    pub operations: Vec<OperationContrast>,
}

impl Contrasting for Contrasts {
    /// For several operations: what is firm about all of them, and what is weak about any.
    fn about(&self, class: FlowClass) -> Contrast {
        if class.operations.is_empty() {
            return self.whole;
        }
        let named = self.operations.iter().enumerate().filter(|(index, _)| class.operations.has(*index));
        let mut each: Vec<Contrast> = named.map(|(_, it)| it.contrast).collect();
        if class.operations.0 & Operations::OTHER.0 != 0 {
            each.push(Contrast::default());
        }
        let mut about = Contrast { refused_kernel: self.whole.refused_kernel, ..Contrast::default() };
        about.served_without_proof = each.iter().map(|it| it.served_without_proof).sum();
        for kind in Kinds::BOTH.each() {
            let all = |holds: fn(&super::KindContrast) -> bool| {
                !each.is_empty() && each.iter().all(|it| holds(it.kind(kind)))
            };
            let (missing, any) =
                (all(|it| it.refused_missing > 0), all(|it| it.refused_missing + it.refused_wrong > 0));
            let mut declined: u64 = each.iter().map(|it| it.kind(kind).declined_and_served).sum();
            // What was asked for at another operation is no demand at one that serves anybody.
            declined += about.served_without_proof;
            let it = about.kind_mut(kind);
            it.refused_missing = u64::from(missing);
            it.refused_wrong = u64::from(any);
            it.declined_and_served = declined;
        }
        about
    }
}

impl Contrasts {
    /// Marks these operations; new ones are taken in while there is room.
    pub(crate) fn mark<'a>(
        known: &mut Vec<OperationContrast>,
        operations: impl Iterator<Item = &'a Fingerprint>,
    ) -> Operations {
        let mut marked = Operations::default();
        for operation in operations {
            marked.insert(Self::index(known, operation));
        }
        marked
    }

    /// The place of an operation, past the end where it is not told apart.
    pub(crate) fn index(known: &mut Vec<OperationContrast>, operation: &Fingerprint) -> usize {
        if let Some(index) = known.iter().position(|it| it.operation == *operation) {
            return index;
        }
        if known.len() >= MOST {
            return MOST;
        }
        known.push(OperationContrast { operation: operation.clone(), contrast: Contrast::default() });
        known.len().saturating_sub(1)
    }
}

/// What one flow showed about one operation.
#[derive(Clone, Debug)]
struct Account {
    operation: Fingerprint,
    /// Already told to the listener.
    told: Contrast,
    showed: Contrast,
    asked: Kinds,
    /// Proof was volunteered for it and it was served.
    volunteered: bool,
}

/// What one flow showed by operation.
#[derive(Clone, Debug, Default)]
pub(super) struct ByOperation {
    accounts: Vec<Account>,
    /// The operation that is decided next.
    current: Option<usize>,
    /// Proof was volunteered for one that found no room.
    others: bool,
}

impl ByOperation {
    /// The caller asked for an operation.
    pub(super) fn asks(&mut self, operation: &Fingerprint) {
        let known = self.accounts.iter().position(|it| it.operation == *operation);
        if known.is_none() && self.accounts.len() < MOST {
            self.accounts.push(Account {
                operation: operation.clone(),
                told: Contrast::default(),
                showed: Contrast::default(),
                asked: Kinds::default(),
                volunteered: false,
            });
        }
        self.current = Some(known.unwrap_or(self.accounts.len().saturating_sub(1)));
        if known.is_none() && self.accounts.last().is_none_or(|it| it.operation != *operation) {
            self.current = Some(MOST);
        }
    }

    fn now(&mut self) -> Option<&mut Account> {
        self.accounts.get_mut(self.current?)
    }

    /// It was refused: nothing, or something wrong, of these kinds was there.
    pub(super) fn refused(&mut self, kinds: Kinds, missing: bool) {
        let Some(account) = self.now() else { return };
        for kind in kinds.each() {
            let it = account.showed.kind_mut(kind);
            if missing {
                account.asked.insert(kind);
                it.refused_missing = 1;
            } else {
                it.refused_wrong = 1;
            }
        }
    }

    /// It was served with nothing that proves who called, although these kinds had been asked for.
    pub(super) fn served_anybody(&mut self, declined: Kinds) {
        let Some(account) = self.now() else { return };
        account.showed.served_without_proof = 1;
        declined.each().for_each(|kind| account.showed.kind_mut(kind).declined_and_served = 1);
    }

    /// It was served for a proof of this kind that came with the request.
    pub(super) fn served_proof(&mut self, kind: ProofKind) {
        match self.now() {
            Some(account) => account.volunteered |= !account.asked.has(kind),
            None => self.others |= self.current.is_some(),
        }
    }
}

impl Ledger {
    /// What was newly shown about operations since the last call.
    pub fn take_operations(&mut self) -> Vec<OperationContrast> {
        let mut news = Vec::new();
        for account in &mut self.by_operation.accounts {
            if account.showed != account.told {
                news.push(OperationContrast {
                    operation: account.operation.clone(),
                    contrast: account.showed.beyond(&account.told),
                });
                account.told = account.showed;
            }
        }
        news
    }

    /// Operations that were served for a proof that was not asked for there, and whether there were more.
    pub(crate) fn volunteered(&self) -> (impl Iterator<Item = &Fingerprint>, bool) {
        let named = self.by_operation.accounts.iter().filter(|it| it.volunteered);
        (named.map(|it| &it.operation), self.by_operation.others)
    }
}
