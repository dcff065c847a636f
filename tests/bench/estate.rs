//! Big graphs with the shape of an estate, the same on every run with one seed.
//!
//! Services belong to applications of fifty, within which any may call any; two calls in a hundred go to a platform
//! that all share, which calls only downwards. Each agent calls services of four applications. Edges live for a
//! while, so that not every path respects time.

use tierzero_core::graph::routes::{ArcInput, Input, ListenerInput, NodeInput, RelayInput, TreeKind};
use tierzero_core::graph::{HopStrength, ListenerClass};
use tierzero_core::verdict::Verdict;

/// How big.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Workloads.
    pub(crate) workloads: u32,
    /// Edges.
    pub(crate) edges: u32,
    /// Agents' trees; each has one member that is a workload of its own.
    pub(crate) agents: u32,
}

/// Workloads of one application.
const APPLICATION: u32 = 50;
/// Of so many services one belongs to the platform.
const PLATFORM: u32 = 100;
/// Of so many edges one is location-trusted.
const TRUSTED: u32 = 33;
/// Seconds that are observed: a week.
const WINDOW: u32 = 7 * 86_400;

/// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, most: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        u32::try_from((high * u64::from(most)) >> 32).unwrap_or(0)
    }

    /// Small numbers far more often: the smallest of three.
    fn skewed(&mut self, most: u32) -> u32 {
        self.below(most).min(self.below(most)).min(self.below(most))
    }
}

/// Makes one. A workload has a listener of the same number.
pub(crate) fn generate(size: Size, seed: u64) -> Input {
    let Size { workloads, edges, agents } = size;
    let mut seeded = Seeded(seed | 1);
    let members = agents * 2;
    let services = workloads - members;
    let platform = services / PLATFORM;
    let applications = (services - platform) / APPLICATION;
    let below = members + platform;
    let node = |number: u32| NodeInput {
        root: if number < members { number % agents } else { number },
        kind: if number < members { TreeKind::Declared } else { TreeKind::No },
        here: true,
    };
    let mut input = Input { nodes: (0..workloads).map(node).collect(), ..Input::default() };
    let mut legacy = vec![false; workloads as usize];
    for _ in 0..edges {
        let by_agent = seeded.below(64) == 0;
        let caller = if by_agent { seeded.below(members) } else { members + seeded.below(services) };
        let listener = if by_agent {
            // Four applications, the same for the agent and its member.
            let application = (caller % agents * 7 + seeded.below(4) * 131) % applications;
            below + application * APPLICATION + seeded.below(APPLICATION)
        } else if caller < below {
            members + seeded.below(caller - members + 1)
        } else if seeded.below(50) == 0 {
            members + seeded.skewed(platform)
        } else {
            let application = (caller - below) / APPLICATION;
            below + application.min(applications - 1) * APPLICATION + seeded.below(APPLICATION)
        };
        let verdict = match seeded.below(TRUSTED * 4) {
            0..=3 => Verdict::LocationTrusted,
            4..=23 => Verdict::SecretChecked,
            24..=27 => Verdict::Opaque,
            28 | 29 => Verdict::Unproven,
            30..=33 => Verdict::Public,
            34 | 35 => Verdict::Refused,
            _ => Verdict::IdentityChecked,
        };
        // Agents call what was made for them; that trusts them less often.
        let verdict = if by_agent && verdict == Verdict::LocationTrusted && seeded.below(4) > 0 {
            Verdict::IdentityChecked
        } else {
            verdict
        };
        if verdict == Verdict::LocationTrusted
            && let Some(it) = legacy.get_mut(listener as usize)
        {
            *it = true;
        }
        let first = seeded.below(WINDOW);
        let length = seeded.skewed(WINDOW / 7);
        input.arcs.push(ArcInput {
            caller,
            listener,
            verdict,
            local: seeded.below(20) == 0,
            own: 1 + seeded.below(100),
            descendants: if by_agent { seeded.below(50) } else { 0 },
            first: i64::from(first),
            last: i64::from(first + length),
        });
    }
    input.listeners = (0..workloads)
        .map(|owner| ListenerInput {
            owner,
            class: if legacy.get(owner as usize) == Some(&true) {
                ListenerClass::Legacy
            } else {
                ListenerClass::Modern
            },
        })
        .collect();
    relate(&mut input, &mut seeded, edges);
    input
}

/// One edge in ten that comes in goes with one that goes out.
fn relate(input: &mut Input, seeded: &mut Seeded, edges: u32) {
    let mut out: Vec<(u32, u32)> = (0..edges).zip(&input.arcs).map(|(at, arc)| (arc.caller, at)).collect();
    out.sort_unstable();
    for (inbound, arc) in (0..edges).zip(&input.arcs) {
        let begin = out.partition_point(|it| it.0 < arc.listener);
        let end = out.partition_point(|it| it.0 <= arc.listener);
        let many = u32::try_from(end - begin).unwrap_or(0);
        if many == 0 || seeded.below(10) > 0 {
            continue;
        }
        let Some((_, outbound)) = out.get(begin + seeded.below(many) as usize) else { continue };
        let attributed = seeded.below(4) == 0;
        input.relays.push(RelayInput {
            inbound,
            outbound: *outbound,
            strength: if attributed { HopStrength::Attributed } else { HopStrength::Correlated },
            tunnel: attributed && seeded.below(8) == 0,
            n: u64::from(3 + seeded.below(100)),
        });
    }
}
