//! The flow table: ends become flows, two ends become one, and what is over is forgotten.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::Timestamp;

use super::pairs::{Pair, Pairs, Translations};
use super::state::{End, FlowState};
use crate::event::{Addresses, Role, What};
use crate::graph::Transport;
use crate::id::{EndKey, Netns};

/// How many ended ends are remembered, so that a late event does not make a flow of its own.
const REMEMBERED: usize = 16_384;
/// Most early events kept for one end that is not known yet.
const MOST_EARLY_PER_END: usize = 64;

/// The flow table, bounded.
#[derive(Debug)]
pub(crate) struct FlowTable {
    flows: Vec<Option<FlowState>>,
    free: Vec<u32>,
    live: usize,
    ends: HashMap<EndKey, u32>,
    pairs: Pairs,
    pub(crate) translations: Translations,
    ended: HashSet<EndKey>,
    ended_order: VecDeque<EndKey>,
    early: HashMap<EndKey, Vec<(Timestamp, What)>>,
    early_order: VecDeque<EndKey>,
    last_number: u64,
    most: usize,
    most_early: usize,
    lost_early: u64,
}

impl FlowTable {
    pub(crate) fn new(most: usize, most_early: usize) -> Self {
        Self {
            flows: Vec::new(),
            free: Vec::new(),
            live: 0,
            ends: HashMap::new(),
            pairs: Pairs::default(),
            translations: Translations::new(most),
            ended: HashSet::new(),
            ended_order: VecDeque::new(),
            early: HashMap::new(),
            early_order: VecDeque::new(),
            last_number: 0,
            most,
            most_early,
            lost_early: 0,
        }
    }

    pub(crate) fn get(&self, flow: u32) -> Option<&FlowState> {
        self.flows.get(flow as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, flow: u32) -> Option<&mut FlowState> {
        self.flows.get_mut(flow as usize)?.as_mut()
    }

    /// The flow of an end.
    pub(crate) fn of_end(&self, key: EndKey) -> Option<u32> {
        self.ends.get(&key).copied()
    }

    /// True when this end is over and done with.
    pub(crate) fn has_ended(&self, key: EndKey) -> bool {
        self.ended.contains(&key)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.live >= self.most
    }

    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// All flows, by number of their slot.
    pub(crate) fn all(&self) -> Vec<u32> {
        let mut slots = self
            .flows
            .iter()
            .enumerate()
            .filter_map(|(slot, flow)| Some((flow.as_ref()?.number, u32::try_from(slot).ok()?)))
            .collect::<Vec<_>>();
        slots.sort_unstable();
        slots.into_iter().map(|(_, slot)| slot).collect()
    }

    /// The flows that were quiet longest, about a sixteenth of all: those to give up when the table is full.
    pub(crate) fn stalest(&self) -> Vec<u32> {
        let mut slots = self
            .flows
            .iter()
            .enumerate()
            .filter_map(|(slot, flow)| {
                let flow = flow.as_ref()?;
                Some((flow.stirred, flow.number, u32::try_from(slot).ok()?))
            })
            .collect::<Vec<_>>();
        slots.sort_unstable();
        slots.truncate(self.most / 16 + 1);
        slots.into_iter().map(|(_, _, slot)| slot).collect()
    }

    fn new_flow(&mut self, transport: Transport, at: Timestamp) -> Option<u32> {
        self.last_number += 1;
        let flow = FlowState::new(self.last_number, transport, at);
        self.live += 1;
        if let Some(slot) = self.free.pop() {
            *self.flows.get_mut(slot as usize)? = Some(flow);
            return Some(slot);
        }
        let slot = u32::try_from(self.flows.len()).ok()?;
        self.flows.push(Some(flow));
        Some(slot)
    }

    /// An end of a TCP or UDP flow was seen: the flow it belongs to, with that end in it.
    pub(crate) fn end(&mut self, key: EndKey, role: Role, at: Addresses, now: Timestamp) -> Option<u32> {
        if let Some(slot) = self.of_end(key) {
            return Some(slot);
        }
        let udp = key.is_udp();
        let pair = Pair::of(&at, udp);
        let slot = match self.other_end(pair, role, &at) {
            Some((slot, guessed)) => {
                self.get_mut(slot)?.inferred |= guessed;
                slot
            }
            None => self.new_flow(if udp { Transport::Udp } else { Transport::Tcp }, now)?,
        };
        let flow = self.get_mut(slot)?;
        *flow.end_slot(role) = Some(End::new(key, Some(at), None));
        flow.seen_at(now);
        self.ends.insert(key, slot);
        self.pairs.add(pair, slot);
        Some(slot)
    }

    /// A flow that waits for just this end: directly, or through a translation. The second value is true when there
    /// was more than one to choose from.
    fn other_end(&self, pair: Pair, role: Role, at: &Addresses) -> Option<(u32, bool)> {
        let fits = |slot: &u32, local: Option<std::net::SocketAddr>, remote: Option<std::net::SocketAddr>| {
            self.get(*slot).is_some_and(|flow| {
                let there = flow.end(role.other()).and_then(|end| end.at);
                !flow.over
                    && flow.end(role).is_none()
                    && there.is_some_and(|there| {
                        remote.is_none_or(|it| it == there.local) && local.is_none_or(|it| it == there.remote)
                    })
            })
        };
        let pick = |pair: Pair, local, remote| {
            let mut fitting = self.pairs.get(pair).iter().filter(|slot| fits(slot, local, remote));
            let first = *fitting.next()?;
            Some((first, fitting.next().is_some()))
        };
        pick(pair, Some(at.local), Some(at.remote)).or_else(|| match role {
            Role::Responder => {
                let (near, source) = self.translations.near(pair, at.netns)?;
                pick(near, None, Some(source))
            }
            Role::Originator => {
                let (far, destination) = self.translations.far(pair, at.netns)?;
                pick(far, None, Some(destination))
            }
        })
    }

    /// A translation came to be known: the flows that turn out to be one, as (originator's, responder's).
    pub(crate) fn split_by(&self, near: Pair, far: Pair) -> Option<(u32, u32)> {
        let lacks = |pair, role: Role| {
            self.pairs.get(pair).iter().copied().find(|slot| {
                self.get(*slot)
                    .is_some_and(|flow| flow.end(role).is_none() && flow.end(role.other()).is_some())
            })
        };
        let (caller, receiver) = (lacks(near, Role::Responder)?, lacks(far, Role::Originator)?);
        (caller != receiver).then_some((caller, receiver))
    }

    /// Makes one flow of two: takes the second out of the table and gives it to the caller.
    pub(crate) fn merge(&mut self, into: u32, from: u32) -> Option<FlowState> {
        let taken = self.flows.get_mut(from as usize)?.take()?;
        self.live = self.live.saturating_sub(1);
        self.free.push(from);
        for end in [&taken.originator, &taken.responder].into_iter().flatten() {
            self.ends.insert(end.key, into);
            if let Some(at) = end.at {
                let pair = Pair::of(&at, end.key.is_udp());
                self.pairs.remove(pair, from);
                self.pairs.add(pair, into);
            }
        }
        Some(taken)
    }

    /// A Unix flow by the keys of its ends; made if neither is known.
    pub(crate) fn unix(
        &mut self,
        originator: Option<EndKey>,
        responder: Option<EndKey>,
        now: Timestamp,
    ) -> Option<u32> {
        let known = [originator, responder].into_iter().flatten().find_map(|key| self.of_end(key));
        let slot = match known {
            Some(slot) => slot,
            None => self.new_flow(Transport::Unix, now)?,
        };
        for (role, key) in [(Role::Originator, originator), (Role::Responder, responder)] {
            let Some(key) = key else { continue };
            if self.of_end(key).is_none() {
                let end = self.get_mut(slot)?.end_slot(role);
                if end.is_none() {
                    *end = Some(End::new(key, None, None));
                    self.ends.insert(key, slot);
                }
            }
        }
        self.get_mut(slot)?.seen_at(now);
        Some(slot)
    }

    /// Takes a flow out.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<FlowState> {
        let flow = self.flows.get_mut(slot as usize)?.take()?;
        self.live = self.live.saturating_sub(1);
        self.free.push(slot);
        for end in [&flow.originator, &flow.responder].into_iter().flatten() {
            self.ends.remove(&end.key);
            if let Some(at) = end.at {
                self.pairs.remove(Pair::of(&at, end.key.is_udp()), slot);
            }
            // A UDP socket may call the same peer again; a capture numbers each flow anew.
            if !matches!(end.key, EndKey::Udp { .. }) && self.ended.insert(end.key) {
                self.ended_order.push_back(end.key);
            }
        }
        while self.ended_order.len() > REMEMBERED {
            if let Some(oldest) = self.ended_order.pop_front() {
                self.ended.remove(&oldest);
            }
        }
        Some(flow)
    }

    /// Keeps an event for an end that is not known yet.
    pub(crate) fn keep_early(&mut self, key: EndKey, at: Timestamp, what: What) {
        let waiting = self.early.entry(key).or_default();
        if waiting.is_empty() {
            self.early_order.push_back(key);
        }
        if waiting.len() < MOST_EARLY_PER_END {
            waiting.push((at, what));
        } else {
            self.lost_early += 1;
        }
        while self.early_order.len() > self.most_early {
            if let Some(oldest) = self.early_order.pop_front()
                && let Some(dropped) = self.early.remove(&oldest)
            {
                self.lost_early += dropped.len() as u64;
            }
        }
    }

    /// What came too early for this end.
    pub(crate) fn take_early(&mut self, key: EndKey) -> Vec<(Timestamp, What)> {
        if self.early.is_empty() {
            return Vec::new();
        }
        let taken = self.early.remove(&key).unwrap_or_default();
        if !taken.is_empty() {
            self.early_order.retain(|it| *it != key);
        }
        taken
    }

    /// Forgets early events that nobody asked for since `before`.
    pub(crate) fn forget_early(&mut self, before: Timestamp) {
        while let Some(key) = self.early_order.front() {
            let stale = self.early.get(key).and_then(|it| it.last()).is_none_or(|(at, _)| *at < before);
            if !stale {
                break;
            }
            if let Some(key) = self.early_order.pop_front() {
                self.early.remove(&key);
            }
        }
    }

    pub(crate) fn take_lost_early(&mut self) -> u64 {
        std::mem::take(&mut self.lost_early)
    }

    /// The pair at the responder for an originator's addresses, if they are translated: where it really goes.
    pub(crate) fn translated(&self, at: &Addresses, udp: bool) -> Option<std::net::SocketAddr> {
        self.translations.far(Pair::of(at, udp), at.netns).map(|(_, destination)| destination)
    }

    /// Who really calls, where a responder sees a translated source.
    pub(crate) fn untranslated(&self, at: &Addresses, udp: bool) -> Option<std::net::SocketAddr> {
        self.translations.near(Pair::of(at, udp), at.netns).map(|(_, source)| source)
    }

    /// A translation came to be known.
    pub(crate) fn translate(
        &mut self,
        netns: Netns,
        udp: bool,
        original: (std::net::SocketAddr, std::net::SocketAddr),
        reply: (std::net::SocketAddr, std::net::SocketAddr),
    ) -> (Pair, Pair) {
        self.translations.add(netns, udp, original, reply)
    }
}
