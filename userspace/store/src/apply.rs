//! Writing: a batch of changes, one transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use serde::Serialize;
use tierzero_core::graph::{Delta, Flow};

use crate::Store;
use crate::error::{Inner, StoreError};

impl Store {
    /// Writes a batch, all of it or nothing. When this returns `Ok`, a kill of this process loses none of it.
    ///
    /// Of several values for one thing in the batch the last is written, and of one edge's flows the latest
    /// [`crate::Limits::flows_per_edge`]: the cost is per edge that changed, not per flow.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Busy`] are temporary: keep the batch and call again. Before
    /// [`Store::begin_session`] it is [`StoreError::NoSession`].
    pub fn apply(&mut self, deltas: &[Delta]) -> Result<(), StoreError> {
        let Some(session) = self.session.as_ref().map(|session| session.number) else {
            return Err(StoreError::NoSession { place: self.place.clone() });
        };
        if deltas.is_empty() {
            return Ok(());
        }
        let kept = self.limits.flows_per_edge;
        write(&mut self.connection, session, kept, deltas).map_err(|error| error.at(&self.place))
    }
}

fn write(connection: &mut Connection, session: i64, kept: u32, deltas: &[Delta]) -> Result<(), Inner> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut edges_with_flows = BTreeSet::new();
    for delta in last_of_each(deltas, kept) {
        match delta {
            Delta::Host(host) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO host (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ?2",
                    )?
                    .execute((host.id.as_str(), body("host", host)?))?;
            }
            Delta::Workload(workload) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO workload (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ?2",
                    )?
                    .execute((workload.id.as_str(), body("workload", workload)?))?;
            }
            Delta::Listener(listener) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO listener (id, workload, body) VALUES (?1, ?2, ?3)
                         ON CONFLICT (id) DO UPDATE SET workload = ?2, body = ?3",
                    )?
                    .execute((
                        listener.id.as_str(),
                        listener.workload.as_str(),
                        body("listener", listener)?,
                    ))?;
            }
            Delta::Edge(edge) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO edge (id, caller, listener, body) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (id) DO UPDATE SET caller = ?2, listener = ?3, body = ?4",
                    )?
                    .execute((
                        edge.id.as_str(),
                        edge.caller.as_str(),
                        edge.listener.as_str(),
                        body("edge", edge)?,
                    ))?;
            }
            Delta::Holder(holder) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO holder (id, listener, body) VALUES (?1, ?2, ?3)
                         ON CONFLICT (id) DO UPDATE SET listener = ?2, body = ?3",
                    )?
                    .execute((holder.id.as_str(), holder.listener.as_str(), body("holder", holder)?))?;
            }
            Delta::Agent(agent) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO agent (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ?2",
                    )?
                    .execute((agent.root.as_str(), body("agent", agent)?))?;
            }
            Delta::Relay(relay) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO relay (id, inbound, outbound, body) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (id) DO UPDATE SET inbound = ?2, outbound = ?3, body = ?4",
                    )?
                    .execute((
                        relay.id.as_str(),
                        relay.inbound.as_str(),
                        relay.outbound.as_str(),
                        body("relay", relay)?,
                    ))?;
            }
            Delta::Wrap(wrap) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO wrap (id, backend, body) VALUES (?1, ?2, ?3)
                         ON CONFLICT (id) DO UPDATE SET backend = ?2, body = ?3",
                    )?
                    .execute((wrap.id.as_str(), wrap.backend.as_str(), body("wrap", wrap)?))?;
            }
            Delta::Flow(flow) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO flow (session, number, edge, to_ns, body) VALUES (?1, ?2, ?3, ?4, ?5)
                         ON CONFLICT (session, number) DO UPDATE SET edge = ?3, to_ns = ?4, body = ?5",
                    )?
                    .execute((
                        session,
                        flow.number.cast_signed(),
                        edge_of(flow),
                        nanoseconds(flow.to),
                        body("flow", flow)?,
                    ))?;
                edges_with_flows.insert(edge_of(flow));
            }
            Delta::Finding(finding) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO finding (id, type, last_ns, body) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (id) DO UPDATE SET type = ?2, last_ns = ?3, body = ?4",
                    )?
                    .execute((
                        finding.id.as_str(),
                        finding.kind.as_str(),
                        nanoseconds(finding.last),
                        body("finding", finding)?,
                    ))?;
            }
            Delta::Coverage(coverage) => {
                transaction
                    .prepare_cached(
                        "INSERT INTO coverage (one, body) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET body = ?1",
                    )?
                    .execute((body("coverage", coverage)?,))?;
            }
        }
    }
    for edge in edges_with_flows {
        transaction
            .prepare_cached(
                "DELETE FROM flow WHERE id IN (
                     SELECT id FROM flow WHERE edge = ?1 ORDER BY to_ns DESC, id DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute((edge, kept))?;
    }
    if let Some(last) = deltas.iter().filter_map(moment).max() {
        transaction
            .prepare_cached("UPDATE session SET last_ns = max(last_ns, ?2) WHERE number = ?1")?
            .execute((session, nanoseconds(last)))?;
    }
    transaction.commit()?;
    Ok(())
}

fn body<T: Serialize>(kind: &str, value: &T) -> Result<String, Inner> {
    serde_json::to_string(value).map_err(|error| Inner::Body(kind.to_owned(), error))
}

fn edge_of(flow: &Flow) -> &str {
    flow.edge.as_ref().map_or("", |edge| edge.as_str())
}

/// What a delta writes over: two deltas with the same key are two values of one thing.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Host(&'a str),
    Workload(&'a str),
    Listener(&'a str),
    Edge(&'a str),
    Holder(&'a str),
    Agent(&'a str),
    Relay(&'a str),
    Wrap(&'a str),
    Finding(&'a str),
    Flow(u64),
    Coverage,
}

fn key(delta: &Delta) -> Key<'_> {
    match delta {
        Delta::Host(host) => Key::Host(host.id.as_str()),
        Delta::Workload(workload) => Key::Workload(workload.id.as_str()),
        Delta::Listener(listener) => Key::Listener(listener.id.as_str()),
        Delta::Edge(edge) => Key::Edge(edge.id.as_str()),
        Delta::Holder(holder) => Key::Holder(holder.id.as_str()),
        Delta::Agent(agent) => Key::Agent(agent.root.as_str()),
        Delta::Relay(relay) => Key::Relay(relay.id.as_str()),
        Delta::Wrap(wrap) => Key::Wrap(wrap.id.as_str()),
        Delta::Flow(flow) => Key::Flow(flow.number),
        Delta::Finding(finding) => Key::Finding(finding.id.as_str()),
        Delta::Coverage(_) => Key::Coverage,
    }
}

/// The deltas that stand at the end of the batch, in the batch's order.
fn last_of_each(deltas: &[Delta], flows_per_edge: u32) -> Vec<&Delta> {
    let mut written = HashSet::with_capacity(deltas.len());
    let mut flows: HashMap<&str, u32> = HashMap::new();
    let mut kept: Vec<&Delta> = deltas
        .iter()
        .rev()
        .filter(|delta| written.insert(key(delta)))
        .filter(|delta| {
            let Delta::Flow(flow) = delta else { return true };
            let seen = flows.entry(edge_of(flow)).or_default();
            *seen = seen.saturating_add(1);
            *seen <= flows_per_edge
        })
        .collect();
    kept.reverse();
    kept
}

/// The last moment that a delta tells of.
fn moment(delta: &Delta) -> Option<Timestamp> {
    match delta {
        Delta::Host(_) | Delta::Coverage(_) | Delta::Wrap(_) => None,
        Delta::Workload(workload) => Some(workload.last),
        Delta::Listener(listener) => Some(listener.last),
        Delta::Edge(edge) => Some(edge.last),
        Delta::Holder(holder) => Some(holder.last),
        Delta::Agent(agent) => Some(agent.last),
        Delta::Relay(relay) => Some(relay.to),
        Delta::Flow(flow) => Some(flow.to),
        Delta::Finding(finding) => Some(finding.last),
    }
}

/// As stored: nanoseconds since 1970, held within what SQLite's integers can hold (to the year 2262).
pub(crate) fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(if at < Timestamp::UNIX_EPOCH { i64::MIN } else { i64::MAX })
}

/// As read back.
pub(crate) fn timestamp(nanoseconds: i64) -> Timestamp {
    // Every i64 of nanoseconds lies within jiff's years -9999 to 9999.
    Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or_default()
}
