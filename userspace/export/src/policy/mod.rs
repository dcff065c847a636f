//! Rules for the programs that decide who may call, made of what was seen. Text for a person to read: nothing here
//! applies it, and an export enforces nothing.
//!
//! Two tiers (NIST SP 800-207A). Identity tier, one proposal for each listener: names of which it demanded and accepted
//! proof. Network tier, one for each agent: addresses and ports that it called; each such rule names an address, so it
//! is itself trust in a place. What a rule would change about calls that were served stands beside it in comments. A
//! name that the target's own syntax cannot state is said so, never bent until it fits.

mod envoy;
mod named;
mod nft;
mod nginx;
mod pg_hba;
mod reach;
mod systemd;

use std::fmt::Write as _;

use tierzero_core::finding::CallerLists;
use tierzero_core::graph::{Snapshot, Workload};
use tierzero_core::id::ListenerId;

use crate::statement;
use crate::visible::untrusted;

/// What reads the rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enforcer {
    /// nginx: subjects of certificates, `map` of `$ssl_client_s_dn`.
    Nginx,
    /// Envoy: names in certificates, `match_typed_subject_alt_names` of a `CertificateValidationContext`.
    Envoy,
    /// PostgreSQL's `pg_hba.conf`: roles.
    PgHba,
    /// nftables: what an agent's cgroup may call.
    Nft,
    /// systemd: `IPAddressAllow=` and `IPAddressDeny=` of an agent's unit.
    Systemd,
}

/// Which tier a rule works in (NIST SP 800-207A).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    /// By who the caller proves to be.
    Identity,
    /// By where it sits.
    Network,
}

impl Enforcer {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Nginx, Self::Envoy, Self::PgHba, Self::Nft, Self::Systemd];

    /// Its tier.
    #[must_use]
    pub fn tier(self) -> Tier {
        match self {
            Self::Nginx | Self::Envoy | Self::PgHba => Tier::Identity,
            Self::Nft | Self::Systemd => Tier::Network,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx, http section",
            Self::Envoy => "Envoy, DownstreamTlsContext of a listener",
            Self::PgHba => "PostgreSQL, pg_hba.conf",
            Self::Nft => "nftables, read by nft -f in the agent's network namespace",
            Self::Systemd => "systemd, a drop-in of the agent's unit",
        }
    }
}

/// Whom a proposal is wanted for.
pub struct Wanted<'a> {
    /// Listeners, for the identity tier.
    pub listener: &'a dyn Fn(&ListenerId) -> bool,
    /// Agents, for the network tier.
    pub agent: &'a dyn Fn(&Workload) -> bool,
    /// The cgroup of an agent, as a path below the root of cgroup2 without a slash in front; `None` where it is not
    /// known.
    pub cgroup: &'a dyn Fn(&Workload) -> Option<String>,
    /// Where cgroup2 is mounted below `/sys/fs/cgroup`, where nft looks for it: empty, or `unified` on a hybrid host.
    pub cgroup_root: &'a str,
}

/// The rules of one target. Comments begin with `#`.
#[must_use]
pub fn policy(snapshot: &Snapshot, lists: &CallerLists, enforcer: Enforcer, wanted: &Wanted<'_>) -> String {
    let tier = match enforcer.tier() {
        Tier::Identity => {
            "# Identity tier: each rule names whom the receiver has to see proof of.\n\
             # It follows what happened, attacks included, unless a list of named callers decides.\n\
             # Who did not call in that time is not named here, and would be refused."
        }
        Tier::Network => {
            "# Network tier: each rule names an address, so it is itself location trust. Who stands there is not asked.\n\
             # It follows what happened, attacks included. What the agent did not call in that time would be refused;\n\
             # Unix sockets, raw sockets and connections that are open already are out of its reach."
        }
    };
    let mut text = format!(
        "# A proposal for {}, to be read before it is used.\n# {}\n{tier}\n",
        enforcer.name(),
        untrusted(&statement(snapshot)),
    );
    let rules = match enforcer {
        Enforcer::Nginx | Enforcer::Envoy | Enforcer::PgHba => {
            let identity = |it: &named::Named<'_>| match enforcer {
                Enforcer::PgHba => pg_hba::rules(it),
                Enforcer::Nginx => nginx::rules(it),
                Enforcer::Envoy | Enforcer::Nft | Enforcer::Systemd => envoy::rules(it),
            };
            named::all(snapshot, lists, wanted.listener)
                .iter()
                .filter_map(|it| Some(it.comments() + &identity(it)?))
                .collect::<Vec<_>>()
        }
        Enforcer::Nft | Enforcer::Systemd => {
            let network = |it: &reach::Reach<'_>| {
                if enforcer == Enforcer::Nft {
                    nft::rules(it, (wanted.cgroup)(it.agent), wanted.cgroup_root)
                } else {
                    systemd::rules(it)
                }
            };
            reach::all(snapshot, wanted.agent).iter().map(|it| it.comments() + &network(it)).collect()
        }
    };
    if rules.is_empty() {
        text.push_str(match enforcer.tier() {
            Tier::Identity => "\n# No listener that such rules could serve has named callers.\n",
            Tier::Network => "\n# No agent was seen to call anything.\n",
        });
    }
    for rule in rules {
        let _ = write!(text, "\n{rule}");
    }
    text
}

/// A text between double quotes in a configuration file; `None` where it would not stay one word on its line.
fn quotable(text: &str) -> Option<&str> {
    let fits = !text.is_empty()
        && untrusted(text) == text
        && !text.contains(['"', '\\', '$', '\u{fffd}'])
        && text.len() < 4096;
    fits.then_some(text)
}
