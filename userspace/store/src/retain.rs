//! Forgetting: flows that are too old or too many.

use jiff::Timestamp;

use crate::Store;
use crate::apply::nanoseconds;
use crate::error::{Inner, StoreError};

impl Store {
    /// Deletes flows that ended before `older_than`, then the oldest beyond [`crate::Limits::flows`]; at most
    /// [`crate::Limits::removed_per_call`] a call, so that a call is short. Returns how many went; call again while
    /// that is the limit. The graph itself is kept.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn retain(&mut self, older_than: Timestamp) -> Result<u32, StoreError> {
        self.remove(nanoseconds(older_than)).map_err(|error| Inner::from(error).at(&self.place))
    }

    fn remove(&mut self, before: i64) -> rusqlite::Result<u32> {
        let transaction = self.connection.transaction()?;
        let budget = self.limits.removed_per_call;
        let old = transaction
            .prepare_cached("DELETE FROM flow WHERE id IN (SELECT id FROM flow WHERE to_ns < ?1 ORDER BY to_ns, id LIMIT ?2)")?
            .execute((before, budget))?;
        let old = u32::try_from(old).unwrap_or(budget);
        let there: u32 = transaction.query_row("SELECT count(*) FROM flow", [], |row| row.get(0))?;
        let surplus = there.saturating_sub(self.limits.flows).min(budget.saturating_sub(old));
        let surplus = transaction
            .prepare_cached("DELETE FROM flow WHERE id IN (SELECT id FROM flow ORDER BY to_ns, id LIMIT ?1)")?
            .execute([surplus])?;
        transaction.commit()?;
        Ok(old.saturating_add(u32::try_from(surplus).unwrap_or(budget)))
    }
}
