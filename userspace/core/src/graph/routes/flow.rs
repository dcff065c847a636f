//! Maximum flow by blocking flows in level graphs (Dinic 1970): in unit capacities O(m * min(n^(2/3), m^(1/2)))
//! (Even, Tarjan 1975). No recursion; 8 bytes a directed arc, and each arc has its reverse behind it.

use super::compact::NONE;

/// Capacity that no cut goes through.
pub(super) const ENDLESS: u32 = u32::MAX / 2;

/// A network. Add arcs, then close it.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// Arc 2k and its reverse 2k+1, as they were added.
    heads: Vec<u32>,
    rest: Vec<u32>,
    /// Arcs in order of tail: where those of each node begin.
    begin: Vec<u32>,
    order: Vec<u32>,
    level: Vec<u32>,
    at: Vec<u32>,
}

impl Network {
    /// Adds an arc and its reverse, which has no capacity. Returns its number.
    pub(super) fn add(&mut self, tail: u32, head: u32, capacity: u32) -> u32 {
        let number = u32::try_from(self.heads.len()).unwrap_or(NONE);
        self.heads.extend([head, tail]);
        self.rest.extend([capacity, 0]);
        number
    }

    /// Capacity that is left on an arc.
    pub(super) fn rest(&self, arc: u32) -> u32 {
        self.rest.get(arc as usize).copied().unwrap_or(0)
    }

    fn head(&self, arc: u32) -> u32 {
        self.heads.get(arc as usize).copied().unwrap_or(NONE)
    }

    /// Orders the arcs by tail.
    pub(super) fn close(&mut self, nodes: u32) {
        let mut begin = vec![0_u32; nodes as usize + 1];
        let tails = |arc: u32| self.head(arc ^ 1);
        let arcs = u32::try_from(self.heads.len()).unwrap_or(NONE);
        for arc in 0..arcs {
            if let Some(count) = begin.get_mut(tails(arc) as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for it in &mut begin {
            sum += *it;
            *it = sum;
        }
        let mut next = begin.clone();
        let mut order = vec![0; arcs as usize];
        for arc in 0..arcs {
            if let Some(place) = next.get_mut(tails(arc) as usize) {
                if let Some(it) = order.get_mut(*place as usize) {
                    *it = arc;
                }
                *place += 1;
            }
        }
        (self.begin, self.order) = (begin, order);
        self.level = vec![NONE; nodes as usize];
        self.at = vec![0; nodes as usize];
    }

    fn out(&self, node: u32) -> &[u32] {
        let begin = self.begin.get(node as usize).copied().unwrap_or(0);
        let end = self.begin.get(node as usize + 1).copied().unwrap_or(0);
        self.order.get(begin as usize..end as usize).unwrap_or_default()
    }

    /// Sends all that fits from one node to another.
    pub(super) fn maximum(&mut self, source: u32, sink: u32) -> u64 {
        let mut sum = 0;
        while self.levels(source, sink) {
            sum += self.block(source, sink);
        }
        sum
    }

    /// Numbers the nodes by distance from the source, up to the sink's.
    fn levels(&mut self, source: u32, sink: u32) -> bool {
        let mut level = std::mem::take(&mut self.level);
        level.fill(NONE);
        let mut queue = vec![source];
        if let Some(it) = level.get_mut(source as usize) {
            *it = 0;
        }
        let mut found = false;
        let mut next = Vec::new();
        let mut depth = 0;
        while !queue.is_empty() && !found {
            depth += 1;
            for node in queue.drain(..) {
                for arc in self.out(node) {
                    let head = self.head(*arc);
                    if self.rest(*arc) > 0
                        && let Some(it) = level.get_mut(head as usize)
                        && *it == NONE
                    {
                        *it = depth;
                        found |= head == sink;
                        next.push(head);
                    }
                }
            }
            std::mem::swap(&mut queue, &mut next);
        }
        self.level = level;
        found
    }

    fn level(&self, node: u32) -> u32 {
        self.level.get(node as usize).copied().unwrap_or(NONE)
    }

    /// Fills the level graph until each of its paths has an arc without capacity.
    fn block(&mut self, source: u32, sink: u32) -> u64 {
        self.at.fill(0);
        let mut sum = 0_u64;
        let mut path: Vec<u32> = Vec::new();
        let mut node = source;
        loop {
            if node == sink {
                let sent = path.iter().map(|arc| self.rest(*arc)).min().unwrap_or(0);
                sum += u64::from(sent);
                for arc in &path {
                    for (arc, gets) in [(*arc, false), (*arc ^ 1, true)] {
                        if let Some(rest) = self.rest.get_mut(arc as usize) {
                            // What has no end stays endless.
                            *rest = if gets { rest.saturating_add(sent) } else { *rest - sent };
                        }
                    }
                }
                // Back to in front of the first arc that is full.
                let full = path.iter().position(|arc| self.rest(*arc) == 0).unwrap_or(0);
                node = path.get(full).map_or(source, |arc| self.head(*arc ^ 1));
                path.truncate(full);
                continue;
            }
            let at = self.at.get(node as usize).copied().unwrap_or(0);
            if let Some(arc) = self.out(node).get(at as usize).copied() {
                let head = self.head(arc);
                if self.rest(arc) > 0
                    && self.level(head) != NONE
                    && self.level(head) == self.level(node).saturating_add(1)
                {
                    path.push(arc);
                    node = head;
                } else if let Some(at) = self.at.get_mut(node as usize) {
                    *at += 1;
                }
            } else {
                // A dead end: the arc that led here leads nowhere.
                let Some(arc) = path.pop() else { return sum };
                node = self.head(arc ^ 1);
                if let Some(at) = self.at.get_mut(node as usize) {
                    *at += 1;
                }
            }
        }
    }

    /// Nodes from which the sink can still be reached. All maximum flows leave the same ones, and the arcs into them
    /// are the minimum cut nearest to the sink.
    pub(super) fn sink_side(&self, sink: u32) -> Vec<bool> {
        let mut side = vec![false; self.level.len()];
        let mut stack = vec![sink];
        if let Some(it) = side.get_mut(sink as usize) {
            *it = true;
        }
        while let Some(node) = stack.pop() {
            for arc in self.out(node) {
                // The reverse of what leaves here is what comes in.
                let tail = self.head(*arc);
                if self.rest(*arc ^ 1) > 0
                    && let Some(it) = side.get_mut(tail as usize)
                    && !*it
                {
                    *it = true;
                    stack.push(tail);
                }
            }
        }
        side
    }
}
