//! The sections and keys of the configuration file, as written.

use std::collections::BTreeMap;

use serde::Deserialize;
use tierzero_core::finding::CallerList;
use tierzero_core::graph::Label;
use tierzero_core::graph::tier0::{Owned, OwnerRule};
use toml::Spanned;

/// The whole file.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Sections {
    /// Workloads that are agents.
    #[serde(default)]
    pub(super) agent: Vec<Agent>,
    /// Listeners that an operator calls legacy.
    #[serde(default)]
    pub(super) legacy: Vec<Place>,
    /// Listeners that an operator calls modern.
    #[serde(default)]
    pub(super) modern: Vec<Place>,
    /// Who owns what.
    #[serde(default)]
    pub(super) owner: Vec<Owner>,
    /// Callers a listener is meant to accept.
    #[serde(default)]
    pub(super) named_caller: Vec<NamedCaller>,
    /// Where models are called.
    #[serde(default)]
    pub(super) model_endpoint: Vec<ModelEndpoint>,
    /// Where findings are sent to.
    pub(super) webhook: Option<WebhookSection>,
    /// What `observe` looks at.
    #[serde(default)]
    pub(super) observe: Observe,
    /// Limits.
    #[serde(default)]
    pub(super) limits: Limits,
    /// Names for address ranges.
    #[serde(default)]
    pub(super) zones: BTreeMap<String, Vec<Spanned<String>>>,
}

/// `[[agent]]`: all keys that are given must fit.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Agent {
    pub(super) name: Spanned<String>,
    pub(super) exe: Option<Spanned<String>>,
    pub(super) argv: Option<Spanned<String>>,
    pub(super) unit: Option<Spanned<String>>,
    pub(super) cgroup: Option<Spanned<String>>,
    pub(super) uid: Option<Spanned<u32>>,
    pub(super) netns: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) env: Vec<Spanned<String>>,
}

/// `[[legacy]]`, `[[modern]]`: all keys that are given must fit.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) address: Option<Spanned<String>>,
    pub(super) port: Option<Spanned<u16>>,
    pub(super) unit: Option<Spanned<String>>,
    pub(super) exe: Option<Spanned<String>>,
}

/// `[[owner]]`: of a principal or of a workload.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Owner {
    pub(super) principal: Option<Spanned<String>>,
    pub(super) workload: Option<Spanned<String>>,
    pub(super) owner: Spanned<String>,
    pub(super) confirmed_on: Option<Spanned<String>>,
    pub(super) gone_on: Option<Spanned<String>>,
}

/// `[[named_caller]]`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedCaller {
    pub(super) listener: Spanned<String>,
    pub(super) callers: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) workloads: Option<Spanned<Vec<Spanned<String>>>>,
}

/// `[[model_endpoint]]`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelEndpoint {
    pub(super) host: Spanned<String>,
    pub(super) path: Option<Spanned<String>>,
}

/// `[webhook]`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookSection {
    pub(super) url: Spanned<String>,
    pub(super) token_file: Option<Spanned<String>>,
    pub(super) timeout_s: Option<Spanned<u64>>,
}

/// `[observe]`.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Observe {
    pub(super) tls_library: Option<bool>,
}

/// `[limits]`.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) short_lived_s: Option<Spanned<u64>>,
    pub(super) ring_bytes: Option<Spanned<u32>>,
    pub(super) payload_bytes: Option<Spanned<u32>>,
    pub(super) memory_bytes: Option<Spanned<u64>>,
    pub(super) retention_days: Option<Spanned<u32>>,
    pub(super) dormant_s: Option<Spanned<u64>>,
    pub(super) stale_s: Option<Spanned<u64>>,
    pub(super) owner_stale_days: Option<Spanned<u32>>,
}

impl Place {
    /// As the core takes it.
    pub(super) fn label(self) -> Label {
        let Self { address, port, unit, exe } = self;
        let text = |it: Option<Spanned<String>>| it.map(Spanned::into_inner);
        Label {
            address: text(address),
            port: port.map(Spanned::into_inner),
            unit: text(unit),
            exe: text(exe),
        }
    }
}

impl NamedCaller {
    /// As the core takes it.
    pub(super) fn list(self) -> CallerList {
        let Self { listener, callers, workloads } = self;
        let names = |it: Option<Spanned<Vec<Spanned<String>>>>| {
            it.map(Spanned::into_inner).unwrap_or_default().into_iter().map(Spanned::into_inner).collect()
        };
        CallerList {
            listener: listener.into_inner(),
            identities: names(callers),
            workloads: names(workloads),
        }
    }
}

impl Owner {
    /// As the core takes it. What is no date was found by the checks before.
    pub(super) fn rule(self) -> OwnerRule {
        let Self { principal, workload, owner, confirmed_on, gone_on } = self;
        let date = |text: Option<Spanned<String>>| text.and_then(|text| text.get_ref().parse().ok());
        let of = match (principal, workload) {
            (Some(name), _) => Owned::Principal(name.into_inner()),
            (None, name) => Owned::Workload(name.map(Spanned::into_inner).unwrap_or_default()),
        };
        OwnerRule { of, owner: owner.into_inner(), confirmed_on: date(confirmed_on), gone_on: date(gone_on) }
    }
}

impl Sections {
    /// What is written there and has no effect in this version.
    pub(super) fn without_effect(&self) -> Vec<&'static str> {
        let Self {
            agent: _,
            legacy: _,
            modern: _,
            owner: _,
            named_caller: _,
            model_endpoint,
            webhook: _,
            observe: _,
            limits,
            zones,
        } = self;
        let Limits {
            short_lived_s: _,
            ring_bytes: _,
            payload_bytes: _,
            memory_bytes,
            retention_days: _,
            dormant_s: _,
            stale_s: _,
            owner_stale_days: _,
        } = limits;
        [
            (model_endpoint.iter().any(|it| it.path.is_some()), "[[model_endpoint]] path"),
            (!zones.is_empty(), "[zones]"),
            (memory_bytes.is_some(), "[limits] memory_bytes"),
        ]
        .into_iter()
        .filter_map(|(there, name)| there.then_some(name))
        .collect()
    }
}
