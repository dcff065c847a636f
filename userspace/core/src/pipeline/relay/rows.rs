//! What was counted, as rows of the graph: how strongly an edge out follows from an edge in.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::{Delta, HopStrength, Pipeline, Relay, SETTLED, Through, ToolUse};

impl Pipeline {
    /// Counts what can't change any more; all there is when observation ends.
    pub(in crate::pipeline) fn count_relays(&mut self, whole: bool) {
        let until = if whole {
            self.clock.checked_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX)
        } else {
            self.clock.checked_sub(SETTLED).unwrap_or(Timestamp::MIN)
        };
        self.count_relays_to(until);
    }

    /// Counts what was before `until`.
    pub(in crate::pipeline) fn count_relays_to(&mut self, until: Timestamp) {
        let mut lost = 0;
        for through in self.relays.through.values_mut() {
            through.count_to(until);
            lost += through.take_lost();
        }
        self.graph.lose("user-relay-table", lost);
    }

    /// Rows that changed since they were last handed out.
    pub(in crate::pipeline) fn relay_deltas(&mut self, out: &mut Vec<Delta>) {
        for (pair, relay) in self.relay_rows() {
            if self.relays.told.get(&pair) != Some(&relay) {
                self.relays.told.insert(pair, relay.clone());
                out.push(Delta::Relay(relay));
            }
        }
    }

    /// All rows, in order of id.
    pub(in crate::pipeline) fn relays_shown(&self) -> Vec<Relay> {
        let mut rows: Vec<Relay> = self.relay_rows().map(|(_, relay)| relay).collect();
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows
    }

    fn relay_rows(&self) -> impl Iterator<Item = ((u32, u32), Relay)> + use<> {
        let mut rows = BTreeMap::new();
        for pair in self
            .relays
            .through
            .values()
            .flat_map(Through::pairs)
            .chain(self.relays.attributed.keys().copied())
            .chain(self.relays.earlier.keys().copied())
        {
            if !rows.contains_key(&pair)
                && let Some(row) = self.relay(pair)
            {
                rows.insert(pair, row);
            }
        }
        rows.into_iter()
    }

    fn relay(&self, pair: (u32, u32)) -> Option<Relay> {
        let (inbound, outbound) = (self.graph.edges.get(pair.0)?, self.graph.edges.get(pair.1)?);
        let workload = self.graph.workloads.get(outbound.caller)?;
        let earlier = self.relays.earlier.get(&pair);
        let counted = self.relays.through.get(&outbound.caller).and_then(|it| it.counted(pair));
        let mut coincidence = earlier.map(|it| it.coincidence).unwrap_or_default();
        let mut tools: BTreeMap<String, ToolUse> =
            earlier.iter().flat_map(|it| &it.tools).map(|it| (it.tool.clone(), it.clone())).collect();
        let mut by_connection = earlier.map_or(0, |it| it.by_connection);
        let moments = inbound.since().max(outbound.since());
        let (mut from, mut to) = earlier.map_or((moments, moments), |it| (it.from, it.to));
        if let Some(counted) = counted {
            coincidence.add(&counted.coincidence);
            by_connection += counted.by_connection;
            if earlier.is_none() {
                from = counted.from;
            }
            to = to.max(counted.to);
            for (tool, calls, coincidence) in counted.tools {
                let none = ToolUse { tool: tool.clone(), calls: 0, coincidence: Default::default() };
                let known = tools.entry(tool).or_insert(none);
                known.calls += calls;
                known.coincidence.add(&coincidence);
            }
        }
        let attributed =
            earlier.map_or(0, |it| it.attributed) + self.relays.attributed.get(&pair).copied().unwrap_or(0);
        let strength = if attributed > 0 {
            HopStrength::Attributed
        } else if coincidence.correlates() {
            HopStrength::Correlated
        } else {
            HopStrength::Reachable
        };
        let mut passed_through = earlier.map(|it| it.passed_through.clone()).unwrap_or_default();
        passed_through
            .extend(inbound.fingerprints().filter(|it| outbound.fingerprints().any(|o| o == *it)).cloned());
        passed_through.sort_unstable();
        passed_through.dedup();
        let mut names: Vec<_> = workload
            .listeners
            .iter()
            .filter_map(|it| self.graph.listeners.get(*it))
            .flat_map(|it| it.edges.iter())
            .filter_map(|it| self.graph.edges.get(*it))
            .flat_map(|it| it.principals())
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut shown: Vec<_> = outbound.principals().collect();
        shown.sort_unstable();
        shown.dedup();
        Some(Relay {
            id: Relay::id_of(inbound.id(), outbound.id()),
            workload: workload.value.id.clone(),
            inbound: inbound.id().clone(),
            outbound: outbound.id().clone(),
            strength,
            coincidence,
            attributed,
            by_connection,
            from,
            to,
            passed: passed_through.len() as u64,
            passed_through,
            identities_in: names.len() as u64,
            identities_out: shown.len() as u64,
            tools: tools.into_values().collect(),
        })
    }

    /// Rows of an earlier run go on from what they were.
    pub(in crate::pipeline) fn restore_relays(&mut self, relays: &[Relay]) {
        let edges: HashMap<_, u32> =
            self.graph.edges.entries.iter().zip(0..).map(|(it, number)| (it.id().clone(), number)).collect();
        for relay in relays {
            if let (Some(inbound), Some(outbound)) = (edges.get(&relay.inbound), edges.get(&relay.outbound)) {
                self.relays.earlier.insert((*inbound, *outbound), relay.clone());
                self.relays.told.insert((*inbound, *outbound), relay.clone());
            }
        }
    }
}
