//! Impossible or annoying: five attempts, and what was seen that stands against each of them.
//!
//! `impossible` needs a refusal that was seen or a structural reason (a key that never leaves its holder, a path that
//! is not there). Friction (an odd port, a hop more, an address to call from) makes an attempt annoying at most. A
//! prompt, a tool's description or an instruction is no control: there is no kind for it here.

use serde::{Deserialize, Serialize};

use super::{Check, Contrast, ProofKind, Strength, Verdict};

/// The five attempts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// A1: another process in the same place calls, without a credential.
    StandIn,
    /// A2: what was on the wire or in a file is used again from elsewhere.
    Replay,
    /// A3: the backend is called without the proxy in front of it.
    GoAround,
    /// A4: unlimited cheap tries.
    Grind,
    /// A5: the credential works after its purpose ended.
    Outlive,
}

impl Attack {
    /// All, in order.
    pub const ALL: [Self; 5] = [Self::StandIn, Self::Replay, Self::GoAround, Self::Grind, Self::Outlive];

    /// `A1` to `A5`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::StandIn => "A1",
            Self::Replay => "A2",
            Self::GoAround => "A3",
            Self::Grind => "A4",
            Self::Outlive => "A5",
        }
    }

    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StandIn => "stand-in",
            Self::Replay => "replay",
            Self::GoAround => "go-around",
            Self::Grind => "grind",
            Self::Outlive => "outlive",
        }
    }
}

/// What stands against an attempt. In order of what a path is worth: the weakest hop decides, and an unproven hop
/// beside an annoying one leaves the path annoying at most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resistance {
    /// Nothing.
    Absent,
    /// Effort, which patience overcomes.
    Annoying,
    /// Not shown either way.
    Unproven,
    /// The capability is not there.
    Impossible,
}

impl Resistance {
    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Annoying => "annoying",
            Self::Unproven => "unproven",
            Self::Impossible => "impossible",
        }
    }
}

/// What slows an attempt down and takes nothing away.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Friction {
    /// Not the port registered for the protocol.
    OddPort {
        /// The port.
        port: u16,
        /// One that is registered.
        usual: u16,
    },
    /// The receiver looks at the address it is called from.
    Address,
    /// Other workloads have to be passed first.
    Hops {
        /// How many.
        count: u64,
    },
}

impl Friction {
    /// The effort that it adds.
    #[must_use]
    pub fn says(&self) -> String {
        match self {
            Self::OddPort { port, usual } => format!("port {port} has to be found ({usual} is usual)"),
            Self::Address => "an address that the receiver serves has to be called from".to_owned(),
            Self::Hops { count } => {
                format!("{count} {} to be passed first", if *count == 1 { "hop has" } else { "hops have" })
            }
        }
    }
}

/// What is known of a proxy in front of the receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Front {
    /// None was seen.
    #[default]
    NotSeen,
    /// Nobody but the proxy can stand where the backend serves, and nobody else was served.
    Sealed,
    /// Others can stand there.
    Leaky,
    /// Others were served there.
    Bypassed,
}

/// What was seen of the end of the credentials that a caller shows to a listener: the weakest of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ends {
    /// The longest stated lifetime, in seconds; `None` where one has none or it was not readable.
    pub longest_s: Option<u64>,
    /// One has no end of its own (a password, a key string).
    pub endless: bool,
    /// Every one belongs to a holder whose expired credential was refused.
    pub expiry_enforced: bool,
    /// An expired one was taken.
    pub expired_accepted: bool,
    /// One secret took another's place.
    pub rotated: bool,
}

/// What an edge's grid is made from.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// Verdict of the edge.
    pub verdict: Verdict,
    /// Check of its weakest served flow.
    pub check: Check,
    /// Strength of that check.
    pub strength: Option<Strength>,
    /// What the listener did to all of its callers.
    pub contrast: &'a Contrast,
    /// What slows a caller down.
    pub friction: &'a [Friction],
    /// A credential was readable on the wire.
    pub cleartext: bool,
    /// Ends of its credentials; `None` where none was seen.
    pub ends: Option<Ends>,
    /// A proxy in front.
    pub front: Front,
    /// Other workloads seen to run as the caller's user.
    pub same_user: u64,
    /// Longest lifetime in seconds that counts as short-lived.
    pub short_lived_s: u64,
}

/// One field of the grid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// The attempt.
    pub attack: Attack,
    /// What stands against it.
    pub resistance: Resistance,
    /// Why, with the effort it adds where it is annoying; no name of the world's making in it.
    pub because: String,
    /// Seconds after which it becomes impossible, where the end of a credential was seen to be enforced.
    pub impossible_after_s: Option<u64>,
}

/// The grid of an edge, `A1` to `A5`; `None` for one that nobody was served on, or whose operations are anonymous by
/// design.
#[must_use]
pub fn grid(standing: &Standing<'_>) -> Option<[Cell; 5]> {
    if matches!(standing.verdict, Verdict::Refused | Verdict::Public) {
        return None;
    }
    Some(Attack::ALL.map(|attack| {
        let (resistance, because, impossible_after_s) = match attack {
            Attack::StandIn => plain(stand_in(standing)),
            Attack::Replay => replay(standing),
            Attack::GoAround => plain(go_around(standing)),
            Attack::Grind => plain(grind(standing)),
            Attack::Outlive => plain(outlive(standing)),
        };
        Cell { attack, resistance, because, impossible_after_s }
    }))
}

/// The grid of a path: for each attempt the weakest hop, and the effort of the hops themselves. `None` when no hop has
/// a grid.
#[must_use]
pub fn path_grid(hops: &[&[Cell; 5]]) -> Option<[Cell; 5]> {
    let mut weakest = (*hops.first()?).clone();
    for hop in hops.iter().skip(1) {
        for (cell, other) in weakest.iter_mut().zip(hop.iter()) {
            if other.resistance < cell.resistance {
                *cell = other.clone();
            }
        }
    }
    let between = u64::try_from(hops.len().saturating_sub(1)).unwrap_or(u64::MAX);
    if let Some(first) = weakest.first_mut()
        && first.resistance == Resistance::Absent
        && between > 0
    {
        first.resistance = Resistance::Annoying;
        let hops = Friction::Hops { count: between };
        first.because = format!("{}; {}", first.because, hops.says());
    }
    Some(weakest)
}

type Answer = (Resistance, String);

fn plain((resistance, because): Answer) -> (Resistance, String, Option<u64>) {
    (resistance, because, None)
}

/// True when the proof was asked for and service followed: a verdict that rests on it, not on the place.
fn rests_on_proof(standing: &Standing<'_>) -> bool {
    standing.verdict.comforts() && standing.strength.is_some_and(|strength| strength >= Strength::Demanded)
}

/// Why nothing can be said, where the edge's proof was not seen to be looked at.
fn not_shown(standing: &Standing<'_>) -> Answer {
    let why = if standing.verdict == Verdict::Opaque {
        "the layer that would carry an identity could not be read"
    } else {
        "something was presented; nothing shows that the receiver looks at it"
    };
    (Resistance::Unproven, why.to_owned())
}

fn stand_in(standing: &Standing<'_>) -> Answer {
    if standing.verdict == Verdict::LocationTrusted {
        let efforts: Vec<String> = standing.friction.iter().map(Friction::says).collect();
        let served = "served with no proof of identity that decides";
        return match efforts.is_empty() {
            true => (Resistance::Absent, served.to_owned()),
            false => (Resistance::Annoying, format!("{served}; {}", efforts.join("; "))),
        };
    }
    if !rests_on_proof(standing) {
        return not_shown(standing);
    }
    if standing.check == Check::Kernel {
        let others = match standing.same_user {
            0 => "none was seen in this window".to_owned(),
            1 => "1 other workload was seen to run as it".to_owned(),
            many => format!("{many} other workloads were seen to run as it"),
        };
        return (
            Resistance::Absent,
            format!(
                "the kernel tells users apart, not processes: one of the same user is served alike ({others})"
            ),
        );
    }
    let refused = ProofKind::of_check(standing.check).map(|kind| standing.contrast.kind(kind));
    match refused {
        Some(kind)
            if standing.strength == Some(Strength::Enforced)
                && kind.refused_missing + kind.refused_wrong > 0 =>
        {
            let (missing, wrong) = (kind.refused_missing, kind.refused_wrong);
            (
                Resistance::Impossible,
                format!(
                    "the listener refused {missing} flows without this proof and {wrong} with a wrong one"
                ),
            )
        }
        _ => (
            Resistance::Unproven,
            "proof was asked for; no refusal of a caller without it was seen on this listener".to_owned(),
        ),
    }
}

fn replay(standing: &Standing<'_>) -> (Resistance, String, Option<u64>) {
    if standing.verdict == Verdict::LocationTrusted {
        return plain((Resistance::Absent, "nothing has to be used again: no proof decides".to_owned()));
    }
    if !rests_on_proof(standing) {
        return plain(not_shown(standing));
    }
    let ends = standing.ends.unwrap_or_default();
    match standing.check {
        Check::Key => plain((
            Resistance::Impossible,
            "proof of possession: the private key is not sent (a copy of its file is another matter, not seen here)"
                .to_owned(),
        )),
        Check::Kernel => plain((
            Resistance::Impossible,
            "nothing is sent: the kernel names the caller, and a Unix socket can't be called from elsewhere"
                .to_owned(),
        )),
        Check::Token => match (ends.longest_s, ends.expiry_enforced, ends.expired_accepted) {
            (Some(_), _, true) => {
                plain((Resistance::Absent, "one was taken after its own end".to_owned()))
            }
            (Some(seconds), true, false) => (
                Resistance::Annoying,
                format!("works until its end, at most {}; after it one was refused", span(seconds)),
                Some(seconds),
            ),
            (Some(seconds), false, false) => plain((
                Resistance::Annoying,
                format!(
                    "works until its end, by its own words at most {}; no refusal of an expired one was seen",
                    span(seconds)
                ),
            )),
            (None, _, _) => {
                plain((Resistance::Unproven, "the lifetime of what was shown was not readable".to_owned()))
            }
        },
        Check::Secret if standing.cleartext && ends.longest_s.is_none() => plain((
            Resistance::Absent,
            "the secret is readable on the wire and has no end of its own".to_owned(),
        )),
        Check::Secret if standing.cleartext => plain((
            Resistance::Annoying,
            "readable on the wire; works until its end, which is far".to_owned(),
        )),
        Check::Secret => plain((
            Resistance::Annoying,
            "not readable on the wire as it was seen; whoever reads it at either end uses it until it is rotated"
                .to_owned(),
        )),
        Check::None | Check::Address | Check::Claimed | Check::Opaque | Check::Public => {
            plain(not_shown(standing))
        }
    }
}

fn go_around(standing: &Standing<'_>) -> Answer {
    match standing.front {
        Front::Sealed => (
            Resistance::Impossible,
            "sealed (observed): nobody else stands where the backend serves, and nobody else was served there".to_owned(),
        ),
        Front::Leaky => (
            Resistance::Annoying,
            "leaky: others stand where the backend serves, and have to find it".to_owned(),
        ),
        Front::Bypassed => (Resistance::Absent, "bypassed: another caller was served by the backend".to_owned()),
        Front::NotSeen if standing.verdict == Verdict::LocationTrusted => {
            (Resistance::Absent, "nothing stands in front of this listener".to_owned())
        }
        Front::NotSeen => {
            (Resistance::Unproven, "no backend behind this listener was seen".to_owned())
        }
    }
}

fn grind(standing: &Standing<'_>) -> Answer {
    if standing.verdict == Verdict::LocationTrusted {
        return (Resistance::Absent, "there is nothing to guess".to_owned());
    }
    if !rests_on_proof(standing) {
        return not_shown(standing);
    }
    match standing.check {
        Check::Key => {
            (Resistance::Impossible, "a private key is asked for: there is nothing to guess at".to_owned())
        }
        Check::Kernel => {
            (Resistance::Impossible, "the kernel names the caller: there is nothing to guess at".to_owned())
        }
        Check::Secret => (
            Resistance::Annoying,
            "a shared secret can be tried; whether tries are limited was not seen".to_owned(),
        ),
        Check::Token => {
            (Resistance::Unproven, "how hard the token is to guess or to forge can't be seen".to_owned())
        }
        Check::None | Check::Address | Check::Claimed | Check::Opaque | Check::Public => not_shown(standing),
    }
}

fn outlive(standing: &Standing<'_>) -> Answer {
    if standing.verdict == Verdict::LocationTrusted {
        return (Resistance::Absent, "no credential decides, so none can end".to_owned());
    }
    if !rests_on_proof(standing) {
        return not_shown(standing);
    }
    let Some(ends) = standing.ends else {
        let why = if standing.check == Check::Kernel {
            "it lasts as long as the user does; no end was seen"
        } else {
            "no end of a credential was readable"
        };
        return (Resistance::Unproven, why.to_owned());
    };
    match ends {
        Ends { expired_accepted: true, .. } => {
            (Resistance::Absent, "one was taken after its own end".to_owned())
        }
        Ends { rotated: true, .. } => {
            (Resistance::Annoying, "rotated, not expiring: works until somebody changes it".to_owned())
        }
        Ends { endless: true, .. } => {
            (Resistance::Absent, "no end of its own, and no change of it was seen in this window".to_owned())
        }
        Ends { longest_s: None, .. } => (Resistance::Unproven, "the lifetime was not readable".to_owned()),
        Ends { longest_s: Some(seconds), .. } if seconds > standing.short_lived_s => {
            (Resistance::Annoying, format!("works for up to {}", span(seconds)))
        }
        Ends { longest_s: Some(seconds), expiry_enforced: true, .. } => (
            Resistance::Impossible,
            format!("lasts at most {}, and one was refused after its end", span(seconds)),
        ),
        Ends { longest_s: Some(seconds), .. } => (
            Resistance::Unproven,
            format!(
                "lasts at most {} by its own words; no refusal of an expired one was seen",
                span(seconds)
            ),
        ),
    }
}

/// A lifetime in the largest unit that is not too coarse.
fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::KindContrast;

    fn standing<'a>(verdict: Verdict, check: Check, contrast: &'a Contrast) -> Standing<'a> {
        Standing {
            verdict,
            check,
            strength: Some(Strength::Demanded),
            contrast,
            friction: &[],
            cleartext: false,
            ends: None,
            front: Front::NotSeen,
            same_user: 0,
            short_lived_s: 3600,
        }
    }

    fn results(standing: &Standing<'_>) -> String {
        grid(standing).unwrap().map(|cell| cell.resistance.as_str().to_owned()).join(" ")
    }

    #[test]
    fn without_proof_nothing_stands_against_anything() {
        let contrast = Contrast::default();
        let mut open = standing(Verdict::LocationTrusted, Check::None, &contrast);
        open.strength = None;
        assert_eq!(results(&open), "absent absent absent absent absent");
        let friction = [Friction::OddPort { port: 6380, usual: 6379 }];
        open.friction = &friction;
        assert_eq!(results(&open), "annoying absent absent absent absent");
    }

    #[test]
    fn a_secret_needs_a_refusal_and_never_stops_replay() {
        let asked = Contrast::default();
        let mut secret = standing(Verdict::SecretChecked, Check::Secret, &asked);
        secret.ends = Some(Ends { endless: true, ..Ends::default() });
        assert_eq!(results(&secret), "unproven annoying unproven annoying absent");
        let refused =
            Contrast { secret: KindContrast { refused_missing: 2, ..KindContrast::default() }, ..asked };
        secret.contrast = &refused;
        secret.strength = Some(Strength::Enforced);
        secret.cleartext = true;
        secret.ends = Some(Ends { endless: true, rotated: true, ..Ends::default() });
        assert_eq!(results(&secret), "impossible absent unproven annoying annoying");
    }

    #[test]
    fn a_short_token_is_annoying_until_its_end_and_impossible_after_it() {
        let contrast = Contrast::default();
        let mut token = standing(Verdict::IdentityChecked, Check::Token, &contrast);
        token.ends = Some(Ends { longest_s: Some(60), ..Ends::default() });
        assert_eq!(results(&token), "unproven annoying unproven unproven unproven");
        token.ends = Some(Ends { longest_s: Some(60), expiry_enforced: true, ..Ends::default() });
        assert_eq!(results(&token), "unproven annoying unproven unproven impossible");
        assert_eq!(grid(&token).unwrap()[1].impossible_after_s, Some(60));
        token.ends = Some(Ends {
            longest_s: Some(60),
            expiry_enforced: true,
            expired_accepted: true,
            ..Ends::default()
        });
        assert_eq!(results(&token), "unproven absent unproven unproven absent");
    }

    #[test]
    fn the_kernel_does_not_tell_processes_of_one_user_apart() {
        let contrast = Contrast { refused_kernel: 3, ..Contrast::default() };
        let mut kernel = standing(Verdict::IdentityChecked, Check::Kernel, &contrast);
        kernel.strength = Some(Strength::Enforced);
        assert_eq!(results(&kernel), "absent impossible unproven impossible unproven");
    }

    #[test]
    fn what_can_not_be_read_proves_nothing() {
        let contrast = Contrast::default();
        let opaque = standing(Verdict::Opaque, Check::Opaque, &contrast);
        assert_eq!(results(&opaque), "unproven unproven unproven unproven unproven");
        let presented = Standing {
            strength: Some(Strength::Presented),
            ..standing(Verdict::Unproven, Check::Key, &contrast)
        };
        assert_eq!(results(&presented), "unproven unproven unproven unproven unproven");
        assert!(grid(&standing(Verdict::Refused, Check::None, &contrast)).is_none());
        assert!(grid(&standing(Verdict::Public, Check::Public, &contrast)).is_none());
    }

    #[test]
    fn the_weakest_hop_decides_and_hops_are_friction() {
        let contrast = Contrast::default();
        let open = grid(&standing(Verdict::LocationTrusted, Check::None, &contrast)).unwrap();
        let key = grid(&standing(Verdict::IdentityChecked, Check::Key, &contrast)).unwrap();
        let path = path_grid(&[&key, &open]).unwrap();
        assert_eq!(
            path.map(|cell| cell.resistance.as_str()),
            ["annoying", "absent", "absent", "absent", "absent"]
        );
        assert!(path_grid(&[]).is_none());
    }

    #[test]
    fn only_a_refusal_or_a_structure_makes_anything_impossible() {
        let contrast = Contrast::default();
        for check in [Check::None, Check::Address, Check::Claimed, Check::Secret, Check::Token, Check::Opaque]
        {
            for verdict in Verdict::ALL {
                for strength in [
                    None,
                    Some(Strength::Declared),
                    Some(Strength::Presented),
                    Some(Strength::Demanded),
                    Some(Strength::Enforced),
                ] {
                    let it = Standing { strength, ..standing(verdict, check, &contrast) };
                    let cells = grid(&it).into_iter().flatten();
                    assert!(cells.clone().all(|cell| cell.resistance != Resistance::Impossible), "{it:?}");
                    assert!(cells.clone().all(|cell| !cell.because.is_empty()));
                }
            }
        }
    }
}
