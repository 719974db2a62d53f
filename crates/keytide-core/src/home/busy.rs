//! Since when the code of one call holds its thread: [`Busy`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::sys;

/// What the watchdog and the side table know of a call: nothing of a user's hangs on it.
#[derive(Debug)]
pub(super) struct Busy {
    /// When the call was handed to its home.
    pub(super) started: Instant,
    /// One more than the nanoseconds from then to the moment when its code was entered; zero outside of it.
    entered: AtomicU64,
}

impl Busy {
    pub(super) fn new() -> Self {
        Self {
            started: sys::monotonic(),
            entered: AtomicU64::new(0),
        }
    }

    /// Runs a user's code, marked.
    pub(super) fn while_in<T>(&self, code: impl FnOnce() -> T) -> T {
        let _marked = Marked::new(self);
        code()
    }

    /// For how long the call's code has held its thread.
    pub(super) fn held(&self, now: Instant) -> Duration {
        match self.entered.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            entered => now
                .saturating_duration_since(self.started)
                .saturating_sub(Duration::from_nanos(entered - 1)),
        }
    }
}

struct Marked<'a>(&'a Busy);

impl<'a> Marked<'a> {
    fn new(busy: &'a Busy) -> Self {
        let since = busy.started.elapsed().as_nanos();
        let since = u64::try_from(since).unwrap_or(u64::MAX - 1);
        busy.entered.store(since + 1, Ordering::Relaxed);
        Self(busy)
    }
}

impl Drop for Marked<'_> {
    fn drop(&mut self) {
        self.0.entered.store(0, Ordering::Relaxed);
    }
}
