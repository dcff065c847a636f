//! What a workload that is called does with its own connections meanwhile: pairs of an edge in and an edge out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::id::{EdgeId, RelayId, WorkloadId};

/// How firmly an edge out of a workload belongs to an edge into it, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HopStrength {
    /// Both edges exist.
    Reachable,
    /// The edge out was used while a request of the edge in was in flight, and nobody else's, more often than by
    /// chance.
    Correlated,
    /// The same bytes came in and went out, or one worker process held exactly this connection in and this one out.
    Attributed,
}

impl HopStrength {
    /// As written in outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Correlated => "correlated",
            Self::Attributed => "attributed",
        }
    }
}

/// Uses of something while something else was in flight, and how often chance alone would do that.
///
/// A use is a connection opened, or a request begun on an open one. Uses within one request in flight count once:
/// a loop that asks ten times tells no more than one question does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Coincidence {
    /// Requests in flight, alone, during which the edge out was used.
    pub n: u64,
    /// Uses while no request of anyone was in flight.
    pub outside: u64,
    /// Uses while requests of several edges in were in flight: not counted for any of them.
    pub shared: u64,
    /// Nanoseconds in which requests were in flight, and nobody else's.
    pub in_flight_ns: u64,
    /// Nanoseconds in which nothing was in flight.
    pub idle_ns: u64,
}

/// Fewest requests that a correlation needs.
pub const LEAST_REQUESTS: u64 = 3;
/// How unlikely by chance a correlation has to be: one in a thousand.
pub const SIGNIFICANCE: f64 = 0.001;
/// Up to this many uses the binomial tail is summed; beyond, its Chernoff bound stands for it, which is never less.
const MOST_SUMMED: u64 = 1_000;

impl Coincidence {
    /// Share of the time in which a use by chance would have met a request in flight, 0 to 1; 1 where no time passed.
    #[must_use]
    pub fn chance(&self) -> f64 {
        let whole = self.in_flight_ns.saturating_add(self.idle_ns);
        if whole == 0 {
            return 1.0;
        }
        number(self.in_flight_ns) / number(whole)
    }

    /// Probability that as many uses or more, of those that there were, meet a request in flight by chance: the upper
    /// tail of the binomial distribution.
    #[must_use]
    pub fn by_chance(&self) -> f64 {
        tail(self.n, self.n.saturating_add(self.outside), self.chance())
    }

    /// More than chance: at least [`LEAST_REQUESTS`], and less likely by chance than [`SIGNIFICANCE`].
    #[must_use]
    pub fn correlates(&self) -> bool {
        self.n >= LEAST_REQUESTS && self.by_chance() <= SIGNIFICANCE
    }

    /// Counts of another time added.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self { n, outside, shared, in_flight_ns, idle_ns } = other;
        self.n = self.n.saturating_add(*n);
        self.outside = self.outside.saturating_add(*outside);
        self.shared = self.shared.saturating_add(*shared);
        self.in_flight_ns = self.in_flight_ns.saturating_add(*in_flight_ns);
        self.idle_ns = self.idle_ns.saturating_add(*idle_ns);
    }
}

#[expect(clippy::cast_precision_loss, reason = "shares of time and counts need no 64 bits")]
fn number(value: u64) -> f64 {
    value as f64
}

/// P(X >= k) for X of the binomial distribution with `n` trials of probability `p`.
fn tail(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 || p >= 1.0 {
        return 1.0;
    }
    if p <= 0.0 {
        return 0.0;
    }
    let share = number(k) / number(n);
    if n > MOST_SUMMED {
        // Chernoff: exp(-n D(k/n || p)) bounds the tail above its mean.
        if share <= p {
            return 1.0;
        }
        let other = if share < 1.0 { (1.0 - share) * ((1.0 - share) / (1.0 - p)).ln() } else { 0.0 };
        return (-number(n) * (share * (share / p).ln() + other)).exp();
    }
    let mut logarithm = number(k) * p.ln() + number(n - k) * (-p).ln_1p();
    for step in 1..=(n - k) {
        logarithm += (number(k + step) / number(step)).ln();
    }
    let mut term = logarithm.exp();
    let mut sum = 0.0;
    for i in k..=n {
        sum += term;
        term *= number(n - i) / number(i + 1) * (p / (1.0 - p));
    }
    sum.min(1.0)
}

/// A tool of the Model Context Protocol and the edge that was used while it was called.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ToolUse {
    /// Name of the tool, at most 128 bytes, as the caller wrote it; escape it wherever it is printed.
    pub tool: String,
    /// How often it was called.
    pub calls: u64,
    /// How often the edge out was used meanwhile, and by chance. Calls that overlap are counted for none of them.
    pub coincidence: Coincidence,
}

impl ToolUse {
    /// `correlated` at most: which of a server's tools caused a connection is not seen.
    #[must_use]
    pub fn strength(&self) -> HopStrength {
        if self.coincidence.correlates() { HopStrength::Correlated } else { HopStrength::Reachable }
    }
}

/// One edge into a workload and one edge out of it that was used while the first had a request in flight.
///
/// Pairs that were never used together have no row: they are `reachable` where time allows, and that follows from
/// the edges.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Relay {
    /// Stable id.
    pub id: RelayId,
    /// Who is called and calls.
    pub workload: WorkloadId,
    /// Edge into it.
    pub inbound: EdgeId,
    /// Edge out of it.
    pub outbound: EdgeId,
    /// How firmly they belong together.
    pub strength: HopStrength,
    /// How often, and by chance.
    pub coincidence: Coincidence,
    /// Connections out whose bytes are those of one connection in, or whose process held no other connection in.
    pub attributed: u64,
    /// Requests of the edge in whose bytes were not seen, so that the whole connection counts as in flight.
    pub by_connection: u64,
    /// From when on both edges were observed.
    pub from: Timestamp,
    /// Last use that is counted here.
    pub to: Timestamp,
    /// Credentials that came in and went out again, by fingerprint, in order.
    pub passed_through: Vec<Fingerprint>,
    /// How many of them: the fingerprints themselves are not always shown.
    pub passed: u64,
    /// Different names shown on all edges into the workload, at least.
    pub identities_in: u64,
    /// Different names shown on the edge out.
    pub identities_out: u64,
    /// Tools that were called on the edge in while the edge out was used, in order of name.
    pub tools: Vec<ToolUse>,
}

impl Relay {
    /// Id of the row for two edges.
    #[must_use]
    pub fn id_of(inbound: &EdgeId, outbound: &EdgeId) -> RelayId {
        RelayId::derive(&[inbound.as_str(), outbound.as_str()])
    }

    /// Several names come in, fewer go out: whoever is called behind it can't tell the callers apart. Pools do so by
    /// design.
    #[must_use]
    pub fn collapses(&self) -> bool {
        self.identities_in > 1 && self.identities_out < self.identities_in
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(n: u64, outside: u64, in_flight_ns: u64, idle_ns: u64) -> Coincidence {
        Coincidence { n, outside, shared: 0, in_flight_ns, idle_ns }
    }

    #[test]
    fn the_tail_is_the_binomial_one() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        close(tail(3, 3, 0.1), 0.001);
        close(tail(1, 2, 0.5), 0.75);
        close(tail(2, 3, 0.5), 0.5);
        close(tail(5, 10, 0.3), 0.150_268_333_4);
        close(tail(0, 5, 0.2), 1.0);
        // scipy.stats.binom.sf(59, 1000, 0.05)
        assert!((tail(60, 1000, 0.05) - 0.087).abs() < 0.005, "{}", tail(60, 1000, 0.05));
        assert!(tail(700, 1001, 0.5) >= 0.0 && tail(700, 1001, 0.5) < 1e-30);
        close(tail(400, 2000, 0.5), 1.0);
    }

    #[test]
    fn few_requests_a_long_time_in_flight_or_uses_outside_are_no_correlation() {
        assert!(of(3, 0, 10, 990).correlates());
        assert!(!of(2, 0, 1, 999).correlates(), "two are a coincidence");
        assert!(!of(20, 0, 95, 5).correlates(), "it was nearly always in flight");
        assert!(of(20, 0, 60, 40).correlates());
        assert!(!of(5, 45, 10, 90).correlates(), "as often as by chance");
        assert!(!of(5, 0, 0, 0).correlates(), "no time, no chance to compare with");
    }
}
