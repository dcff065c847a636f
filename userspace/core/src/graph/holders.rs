//! The holders of credentials of the graph.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::Holder;
use super::changes::Changes;
use crate::evidence::Principal;
use crate::id::{ListenerId, WorkloadId};
use crate::verdict::{Check, Contrast, Presented, Strength};

/// Most holders of one listener, and of all.
const MOST_OF_ONE: u32 = 1024;
const MOST: usize = 65_536;

/// A holder under way.
#[derive(Debug)]
pub(crate) struct HolderEntry {
    value: Holder,
    pub(crate) listener: u32,
    /// Verified in an earlier run, whose flows are gone.
    verified: bool,
    /// The strongest proof that was accepted for the name, and whether it was asked for.
    accepted: Option<(Check, bool)>,
}

/// Who holds: a name, or a workload without one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Who {
    Named(Principal),
    Nameless(WorkloadId),
}

/// A sign of a holder: at which listener, under which name, called by whom, when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sign<'a> {
    pub(crate) listener: (u32, &'a ListenerId),
    pub(crate) principal: Option<&'a Principal>,
    pub(crate) caller: &'a WorkloadId,
    pub(crate) at: Timestamp,
}

/// All holders.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    pub(crate) entries: Vec<HolderEntry>,
    by_who: HashMap<(u32, Who), u32>,
    of_listener: HashMap<u32, u32>,
    pub(crate) changes: Changes,
    /// Changed in this step.
    touched: BTreeSet<u32>,
}

impl Holders {
    pub(crate) fn get(&self, number: u32) -> Option<&HolderEntry> {
        self.entries.get(number as usize)
    }

    /// A name was used, with what proof accepted; `false` when there is no room for it.
    pub(crate) fn name(&mut self, sign: Sign<'_>, accepted: Option<(Check, bool)>) -> bool {
        self.entry(sign, |entry| entry.accepted = entry.accepted.max(accepted))
    }

    /// A credential was presented; `false` when there is no room for its holder.
    pub(crate) fn present(&mut self, sign: Sign<'_>, presented: &Presented, short_lived_s: u64) -> bool {
        self.entry(sign, |entry| entry.value.take(presented, short_lived_s))
    }

    /// Those that changed since the last call.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.touched)
    }

    /// Goes on from a stored holder.
    pub(crate) fn restore(&mut self, holder: &Holder, listener: u32) -> bool {
        let who = match (&holder.principal, holder.callers.as_slice()) {
            (Some(principal), _) => Who::Named(principal.clone()),
            (None, [caller]) => Who::Nameless(caller.clone()),
            (None, _) => return true,
        };
        let entry =
            HolderEntry { value: holder.clone(), listener, verified: holder.verified, accepted: None };
        self.add((listener, who), entry).is_some()
    }

    fn entry(&mut self, sign: Sign<'_>, change: impl FnOnce(&mut HolderEntry)) -> bool {
        let Sign { listener: (listener, id), principal, caller, at } = sign;
        let who = principal.map_or_else(|| Who::Nameless(caller.clone()), |it| Who::Named(it.clone()));
        let key = (listener, who);
        let number = match self.by_who.get(&key).copied() {
            Some(number) => Some(number),
            None => {
                let value = Holder::new(id.clone(), principal.cloned(), caller, at);
                self.add(key, HolderEntry { value, listener, verified: false, accepted: None })
            }
        };
        let Some(number) = number else { return false };
        if let Some(entry) = self.entries.get_mut(number as usize) {
            entry.value.seen(caller, at);
            change(entry);
            self.changes.soon(number);
            self.touched.insert(number);
        }
        true
    }

    fn add(&mut self, key: (u32, Who), entry: HolderEntry) -> Option<u32> {
        let count = self.of_listener.entry(key.0).or_default();
        let number = u32::try_from(self.entries.len()).ok().filter(|_| self.entries.len() < MOST)?;
        *count = count.checked_add(1).filter(|count| *count <= MOST_OF_ONE)?;
        self.by_who.insert(key, number);
        self.entries.push(entry);
        Some(number)
    }
}

impl HolderEntry {
    /// The holder as it is shown.
    pub(crate) fn render(&self, contrast: &Contrast, short_lived_s: u64) -> Holder {
        let mut holder = self.value.clone();
        let proved = self.accepted.and_then(|(check, asked)| contrast.strength(check, asked));
        holder.verified = self.verified || proved.is_some_and(|it| it >= Strength::Demanded);
        holder.life = holder.reckon(short_lived_s);
        holder
    }
}
