//! Which entries changed since they were last handed out.

/// Numbers of changed entries: those to hand out at once, and those that can wait for the next tick.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    state: Vec<Pending>,
    now: Vec<u32>,
    soon: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Pending {
    #[default]
    Nothing,
    Soon,
    Now,
}

impl Changes {
    fn state(&mut self, number: u32) -> Option<&mut Pending> {
        let index = number as usize;
        if self.state.len() <= index {
            self.state.resize(index + 1, Pending::Nothing);
        }
        self.state.get_mut(index)
    }

    /// To be handed out at the end of this step.
    pub(crate) fn now(&mut self, number: u32) {
        if let Some(state) = self.state(number)
            && *state != Pending::Now
        {
            *state = Pending::Now;
            self.now.push(number);
        }
    }

    /// To be handed out at the next tick.
    pub(crate) fn soon(&mut self, number: u32) {
        if let Some(state) = self.state(number)
            && *state == Pending::Nothing
        {
            *state = Pending::Soon;
            self.soon.push(number);
        }
    }

    /// What has to go out now.
    pub(crate) fn take_now(&mut self) -> Vec<u32> {
        if self.now.is_empty() {
            return Vec::new();
        }
        let taken = std::mem::take(&mut self.now);
        for number in &taken {
            if let Some(state) = self.state(*number) {
                *state = Pending::Nothing;
            }
        }
        taken
    }

    /// What can wait no longer, in order of number.
    pub(crate) fn take_soon(&mut self) -> Vec<u32> {
        let mut taken = std::mem::take(&mut self.soon);
        // Those that went out at once meanwhile are settled already.
        taken.retain(|number| {
            self.state.get_mut(*number as usize).is_some_and(|state| {
                let waits = *state == Pending::Soon;
                if waits {
                    *state = Pending::Nothing;
                }
                waits
            })
        });
        taken.sort_unstable();
        taken.dedup();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_goes_out_once() {
        let mut changes = Changes::default();
        changes.soon(3);
        changes.soon(1);
        changes.soon(3);
        changes.now(1);
        changes.now(1);
        assert_eq!(changes.take_now(), [1]);
        assert_eq!(changes.take_soon(), [3]);
        assert!(changes.take_soon().is_empty());
        changes.soon(1);
        assert_eq!(changes.take_soon(), [1]);
    }
}
