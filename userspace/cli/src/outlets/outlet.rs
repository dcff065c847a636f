//! One receiver behind a bounded queue, in a thread of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tierzero_core::event::Degradation;
use tierzero_core::finding::Finding;

use super::{Receiver, Sent};
use crate::error::{Failure, Outcome};
use crate::output::words::counted;

/// Findings that wait for a receiver at most; what comes then is counted and not sent.
const WAITING: usize = 1024;
/// The first wait before another attempt; it doubles each time up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// At the end of observation an outlet may take so long to send what waits.
const LAST: Duration = Duration::from_secs(3);

/// A queue with a thread behind it.
#[derive(Debug)]
pub(super) struct Outlet {
    name: &'static str,
    queue: SyncSender<Finding>,
    /// Dropped to say that observation ends: no more waiting between attempts.
    goes_on: mpsc::Sender<()>,
    /// Its other end is dropped when the thread ends.
    done: mpsc::Receiver<()>,
    tally: Arc<Tally>,
    told: bool,
}

/// What the thread tells.
#[derive(Debug, Default)]
struct Tally {
    /// Findings handed over.
    given: AtomicU64,
    /// Findings that arrived.
    taken: AtomicU64,
    /// Findings that were not sent, or refused for good.
    dropped: AtomicU64,
    /// Why the last attempt failed; empty after one that did not.
    why: Mutex<String>,
}

impl Tally {
    fn why(&self) -> String {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn because(&self, why: &str) {
        why.clone_into(&mut self.why.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Outlet {
    /// Starts the thread.
    pub(super) fn start<R: Receiver + 'static>(receiver: R) -> Outcome<Self> {
        let (queue, findings) = mpsc::sync_channel(WAITING);
        let (goes_on, ends) = mpsc::channel();
        let (running, done) = mpsc::channel();
        let tally = Arc::new(Tally::default());
        let told = Arc::clone(&tally);
        std::thread::Builder::new()
            .name(format!("to {}", R::NAME))
            .spawn(move || {
                deliver(receiver, &findings, &ends, &told);
                drop(running);
            })
            .map_err(|error| {
                Failure::new(format!("the thread for the {} can't be started", R::NAME)).because(error)
            })?;
        Ok(Self { name: R::NAME, queue, goes_on, done, tally, told: false })
    }

    /// Takes a finding; one that finds the queue full is counted and not sent.
    pub(super) fn take(&self, finding: &Finding) {
        self.tally.given.fetch_add(1, Ordering::Relaxed);
        match self.queue.try_send(finding.clone()) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.tally.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// What is not delivered, while there is something.
    pub(super) fn trouble(&self) -> Option<String> {
        let Tally { given, taken, dropped, why: _ } = &*self.tally;
        let dropped = dropped.load(Ordering::Relaxed);
        let why = self.tally.why();
        if dropped == 0 && why.is_empty() {
            return None;
        }
        let waiting = given.load(Ordering::Relaxed).saturating_sub(taken.load(Ordering::Relaxed) + dropped);
        Some(told(self.name, waiting, dropped, &why))
    }

    /// Once: that findings were dropped.
    pub(super) fn degraded(&mut self) -> Option<Degradation> {
        if self.told || self.tally.dropped.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.told = true;
        Some(Degradation {
            name: format!("undelivered-{}", self.name),
            loses: format!("Some findings did not reach the {}; the graph has them all.", self.name),
            because: self.tally.why(),
            remedy: "`tierzero findings` shows them.".to_owned(),
        })
    }

    /// Lets the thread end, after one more attempt for each that waits; what did not get through.
    pub(super) fn end(self) -> Option<String> {
        let Self { name, queue, goes_on, done, tally, told: _ } = self;
        drop((queue, goes_on));
        // Nothing is ever sent: it is disconnected when the thread is through, or given up on.
        let _ = done.recv_timeout(LAST);
        let lost = tally.given.load(Ordering::Relaxed).saturating_sub(tally.taken.load(Ordering::Relaxed));
        (lost > 0).then(|| told(name, 0, lost, &tally.why()))
    }
}

fn told(name: &str, waiting: u64, dropped: u64, why: &str) -> String {
    let mut parts = Vec::new();
    if dropped > 0 {
        parts.push(format!("{} did not reach the {name}", counted(dropped, "finding", "findings")));
    }
    if waiting > 0 {
        parts.push(format!("{} for the {name}", counted(waiting, "finding waits", "findings wait")));
    }
    if parts.is_empty() {
        parts.push(format!("the {name} was not reached"));
    }
    if !why.is_empty() {
        parts.push(why.to_owned());
    }
    parts.push("`tierzero findings` has them all".to_owned());
    parts.join(", ")
}

/// Until no more findings come. In order: one that must wait holds up those behind it.
fn deliver<R: Receiver>(
    mut receiver: R,
    findings: &mpsc::Receiver<Finding>,
    ends: &mpsc::Receiver<()>,
    tally: &Tally,
) {
    let mut given_up = false;
    for finding in findings {
        let mut wait = FIRST_WAIT;
        while !given_up {
            match receiver.send(&finding) {
                Sent::Taken => {
                    tally.taken.fetch_add(1, Ordering::Relaxed);
                    tally.because("");
                    break;
                }
                Sent::Refused(why) => {
                    tally.dropped.fetch_add(1, Ordering::Relaxed);
                    tally.because(&why);
                    break;
                }
                Sent::Later(why) => {
                    tally.because(&why);
                    given_up = ends.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected);
                    wait = wait.saturating_mul(2).min(LONGEST_WAIT);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlets::tests::finding;

    /// Takes what its script says, in order; then everything.
    struct Scripted(Vec<Sent>, mpsc::Sender<String>);

    impl Receiver for Scripted {
        const NAME: &'static str = "script";

        fn send(&mut self, finding: &Finding) -> Sent {
            let sent = if self.0.is_empty() { Sent::Taken } else { self.0.remove(0) };
            if sent == Sent::Taken {
                let _ = self.1.send(finding.id.to_string());
            }
            sent
        }
    }

    #[test]
    fn what_must_wait_arrives_in_order_and_what_is_refused_is_counted() {
        let (to, arrived) = mpsc::channel();
        let script = vec![Sent::Later("busy".to_owned()), Sent::Taken, Sent::Refused("HTTP 404".to_owned())];
        let outlet = Outlet::start(Scripted(script, to)).unwrap();
        for number in 0..3 {
            outlet.take(&finding(number));
        }
        let ids: Vec<String> = arrived.iter().take(2).collect();
        assert_eq!(ids, [finding(0).id.to_string(), finding(2).id.to_string()]);
        let says = outlet.end().unwrap();
        assert!(says.starts_with("1 finding did not reach the script"), "{says}");
    }

    #[test]
    fn a_receiver_that_never_answers_holds_up_nobody_and_the_end_waits_not_long() {
        struct Stuck(mpsc::Receiver<()>);
        impl Receiver for Stuck {
            const NAME: &'static str = "stuck";

            fn send(&mut self, _: &Finding) -> Sent {
                let _ = self.0.recv();
                Sent::Later("stuck".to_owned())
            }
        }
        let (hold, held) = mpsc::channel();
        let outlet = Outlet::start(Stuck(held)).unwrap();
        let begun = std::time::Instant::now();
        for number in 0..5000 {
            outlet.take(&finding(number));
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        assert!(outlet.trouble().unwrap().contains("did not reach the stuck"));
        let says = outlet.end().unwrap();
        assert!(says.starts_with("5000 findings did not reach the stuck"), "{says}");
        assert!(begun.elapsed() < Duration::from_secs(10));
        drop(hold);
    }
}
