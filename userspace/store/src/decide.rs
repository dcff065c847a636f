//! What operators decide about findings, and their drills: the only things that another program than the observer
//! writes.

use rusqlite::TransactionBehavior;
use tierzero_core::drill::Drill;
use tierzero_core::finding::Decision;

use crate::Store;
use crate::apply::nanoseconds;
use crate::error::{Inner, StoreError};

impl Store {
    /// Adds a decision. An observer may run at the same time: each of its batches and this are one write each.
    ///
    /// # Errors
    /// As [`Store::apply`], but no run has to be open.
    pub fn decide(&mut self, decision: &Decision) -> Result<(), StoreError> {
        let mut add = || -> Result<(), Inner> {
            let body = serde_json::to_string(decision)
                .map_err(|error| Inner::Body(format!("decision about {}", decision.finding), error))?;
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute(
                "INSERT INTO decision (finding, at_ns, body) VALUES (?1, ?2, ?3)",
                (decision.finding.as_str(), nanoseconds(decision.at), body),
            )?;
            transaction.commit()?;
            Ok(())
        };
        add().map_err(|error| error.at(&self.place))
    }

    /// Keeps a drill: a new one, or one of this id with its outcome.
    ///
    /// # Errors
    /// As [`Store::decide`].
    pub fn keep_drill(&mut self, drill: &Drill) -> Result<(), StoreError> {
        let mut keep = || -> Result<(), Inner> {
            let body = serde_json::to_string(drill)
                .map_err(|error| Inner::Body(format!("drill {}", drill.id), error))?;
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute(
                "INSERT INTO drill (id, prepared_ns, body) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                (drill.id.as_str(), nanoseconds(drill.prepared), body),
            )?;
            transaction.commit()?;
            Ok(())
        };
        keep().map_err(|error| error.at(&self.place))
    }
}
