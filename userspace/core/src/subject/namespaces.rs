//! Network namespaces: their names, and which address is whose.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use crate::id::Netns;

#[derive(Debug, Default)]
struct Known {
    name: Option<String>,
    addresses: BTreeSet<IpAddr>,
}

/// The network namespaces of this host, bounded.
#[derive(Debug)]
pub struct Namespaces {
    known: HashMap<Netns, Known>,
    holders: HashMap<IpAddr, BTreeSet<Netns>>,
    most: usize,
    lost: u64,
}

impl Namespaces {
    /// A table of at most `most` namespaces, and as many addresses in each.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { known: HashMap::new(), holders: HashMap::new(), most, lost: 0 }
    }

    /// A namespace was described, or described anew. Returns true when its name changed.
    pub fn seen(&mut self, netns: Netns, name: Option<String>, addresses: Vec<IpAddr>) -> bool {
        if !self.known.contains_key(&netns) && self.known.len() >= self.most {
            self.lost += 1;
            return false;
        }
        let known = self.known.entry(netns).or_default();
        for old in std::mem::take(&mut known.addresses) {
            if let Some(holders) = self.holders.get_mut(&old) {
                holders.remove(&netns);
                if holders.is_empty() {
                    self.holders.remove(&old);
                }
            }
        }
        known.addresses = addresses.into_iter().map(|it| it.to_canonical()).take(self.most).collect();
        for address in &known.addresses {
            self.holders.entry(*address).or_default().insert(netns);
        }
        let changed = known.name != name;
        known.name = name;
        changed
    }

    /// Its name, if it has one.
    #[must_use]
    pub fn name(&self, netns: Netns) -> Option<&str> {
        self.known.get(&netns)?.name.as_deref()
    }

    /// What stands for it in ids: its name, which outlives a restart, else its inode.
    #[must_use]
    pub fn label(&self, netns: Netns) -> String {
        self.name(netns).map_or_else(|| netns.0.to_string(), str::to_owned)
    }

    /// Where packets from `from` to `address` arrive, if that is on this host: in `from` itself where the address is
    /// local there, else in each namespace that has it.
    pub fn holders(&self, address: IpAddr, from: Netns) -> impl Iterator<Item = Netns> + '_ {
        let own = address.is_loopback()
            || address.is_unspecified()
            || self.known.get(&from).is_some_and(|it| it.addresses.contains(&address));
        let others = if own { None } else { self.holders.get(&address) };
        own.then_some(from).into_iter().chain(others.into_iter().flatten().copied())
    }

    /// How many namespaces found no room since the last call.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_looked_for_at_home_first() {
        let mut table = Namespaces::new(8);
        assert!(table.seen(Netns(1), Some("host".into()), vec![ip("10.0.0.1")]));
        table.seen(Netns(2), None, vec![ip("10.0.0.1"), ip("10.0.0.2")]);
        let at = |address: &str, from| table.holders(ip(address), Netns(from)).collect::<Vec<_>>();
        assert_eq!(at("10.0.0.1", 2), [Netns(2)]);
        assert_eq!(at("10.0.0.1", 3), [Netns(1), Netns(2)]);
        assert_eq!(at("10.0.0.2", 1), [Netns(2)]);
        assert_eq!(at("127.0.0.1", 7), [Netns(7)]);
        assert!(at("192.0.2.1", 1).is_empty());
        assert_eq!((table.label(Netns(1)), table.label(Netns(2))), ("host".to_owned(), "2".to_owned()));
    }

    #[test]
    fn a_new_description_replaces_the_old_one() {
        let mut table = Namespaces::new(1);
        table.seen(Netns(1), None, vec![ip("10.0.0.1")]);
        table.seen(Netns(1), None, vec![ip("10.0.0.9")]);
        assert_eq!(table.holders(ip("10.0.0.1"), Netns(3)).count(), 0);
        table.seen(Netns(2), None, vec![]);
        assert_eq!(table.take_lost(), 1);
    }
}
