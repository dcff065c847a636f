//! Says each fact of a flow once, for protocols that repeat the same exchange for as long as a connection lives.

use super::dissector::Notes;
use super::{Rule, Shown};

/// Which rules have spoken.
#[derive(Default, Debug)]
pub(crate) struct Told {
    rules: Vec<&'static str>,
}

impl Told {
    /// Says `shown` under `rule`, unless that rule has spoken.
    pub(crate) fn once(&mut self, rule: &'static Rule, shown: Shown, notes: &mut Notes<'_>) {
        if !self.has(rule) {
            self.rules.push(rule.id);
            notes.say(rule, shown);
        }
    }

    /// True when that rule has spoken.
    pub(crate) fn has(&self, rule: &'static Rule) -> bool {
        self.rules.contains(&rule.id)
    }
}
