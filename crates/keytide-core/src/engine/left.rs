//! What is left behind: until when something is accepted that nobody is served any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::credential::Ends;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::sys::time::Now;

/// What one revoked cache leaves behind: the worst case, until its issuer is told.
#[derive(Debug)]
pub(crate) struct Left {
    /// Held for one look or change.
    ends: Mutex<Ends>,
    /// Whether nobody corrects it any more.
    settled: AtomicBool,
}

impl Left {
    pub(crate) fn new(ends: Ends) -> Arc<Self> {
        Arc::new(Self {
            ends: Mutex::new(ends),
            settled: AtomicBool::new(true),
        })
    }

    pub(crate) fn ends(&self) -> Ends {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Ends> {
        lock(&self.ends)
    }
}

/// The right to correct what is left, for who tells the issuer. What it says when it is dropped stays.
#[derive(Debug)]
pub(crate) struct Correction(Arc<Left>);

impl Correction {
    pub(crate) fn of(left: &Arc<Left>) -> Self {
        left.settled.store(false, Ordering::Relaxed);
        Self(Arc::clone(left))
    }

    /// The issuer was told: it accepts what was issued for no longer than this.
    pub(crate) fn told(&self, now: Now, accepted_for: Duration) {
        *self.0.lock() = Ends::after(now, accepted_for);
    }
}

impl Drop for Correction {
    fn drop(&mut self) {
        // Release: who sees this sees the last correction.
        self.0.settled.store(true, Ordering::Release);
    }
}

/// What all caches of an agent have left behind that are revoked or gone.
#[derive(Debug, Default)]
pub(crate) struct LeftBehind {
    /// The latest end of what nobody corrects any more.
    latest: Option<Ends>,
    /// What may still be corrected.
    open: Vec<Arc<Left>>,
}

impl LeftBehind {
    pub(crate) fn remember(&mut self, ends: Option<Ends>) {
        if let Some(ends) = ends {
            self.latest = Some(self.latest.map_or(ends, |known| known.later(ends)));
        }
    }

    /// Remembers what may be corrected.
    pub(crate) fn watch(&mut self, left: Arc<Left>, now: Now) {
        if self.open.len() == self.open.capacity() {
            self.settle(now);
        }
        self.open.push(left);
    }

    /// Until when something is accepted, at the latest.
    pub(crate) fn ends(&self) -> Option<Ends> {
        let open = self.open.iter().map(|left| left.ends());
        open.chain(self.latest).reduce(Ends::later)
    }

    /// Keeps single entries only where they matter: not for ever where a future was leaked.
    fn settle(&mut self, now: Now) {
        let mut settled = None;
        self.open.retain(|left| {
            // Acquire, before the lock: whoever settled it has said its last by then.
            let is_settled = left.settled.load(Ordering::Acquire);
            let ends = left.ends();
            if is_settled {
                settled = Some(settled.map_or(ends, |known: Ends| known.later(ends)));
            }
            !is_settled && !ends.remaining(now).is_zero()
        });
        self.remember(settled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::time::{Boot, Wall};

    fn at(seconds: u64) -> Now {
        let start = Now {
            wall: Wall(1_800_000_000_000_000_000),
            boot: Boot(1_000_000_000),
        };
        let span = Duration::from_secs(seconds);
        Now {
            wall: start.wall.after(span),
            boot: start.boot.after(span),
        }
    }

    fn ends(seconds: u64) -> Ends {
        Ends::after(at(0), Duration::from_secs(seconds))
    }

    /// As many as fit, and one more: then the list looks what it need not keep.
    fn watch(
        behind: &mut LeftBehind,
        now: Now,
        lives: [u64; 5],
        mut corrects: impl FnMut(Correction),
    ) {
        for life in lives {
            let left = Left::new(ends(life));
            let correction = Correction::of(&left);
            behind.watch(left, now);
            corrects(correction);
        }
    }

    #[test]
    fn what_nobody_corrects_any_more_is_kept_as_one_end_the_latest() {
        let mut behind = LeftBehind::default();

        watch(&mut behind, at(0), [10, 90, 20, 30, 5], drop);

        assert_eq!(behind.open.len(), 1);
        assert_eq!(behind.ends(), Some(ends(90)));
    }

    #[test]
    fn what_may_still_be_corrected_is_kept_apart() {
        let (mut behind, mut corrections) = (LeftBehind::default(), Vec::new());

        watch(&mut behind, at(0), [50, 60, 70, 80, 90], |correction| {
            corrections.push(correction);
        });

        assert_eq!(behind.open.len(), 5);
        for correction in &corrections {
            correction.told(at(0), Duration::from_secs(1));
        }
        drop(corrections);
        assert_eq!(behind.ends(), Some(ends(1)));
    }

    #[test]
    fn what_has_ended_is_not_kept_for_a_future_that_was_leaked() {
        let (mut behind, mut leaked) = (LeftBehind::default(), Vec::new());

        watch(&mut behind, at(50), [10, 20, 30, 40, 90], |correction| {
            leaked.push(correction);
        });

        assert_eq!(behind.open.len(), 1);
        assert_eq!(behind.ends(), Some(ends(90)));
    }

    #[test]
    fn what_ends_sooner_takes_nothing_back_of_what_ends_later() {
        let mut behind = LeftBehind::default();

        for end in [10, 90, 20] {
            behind.remember(Some(ends(end)));
        }
        behind.remember(None);

        assert_eq!(behind.ends(), Some(ends(90)));
    }
}
