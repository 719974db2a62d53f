//! What the callers counted: [`Stats`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counts what became of the requests. All callers share one.
#[derive(Default)]
pub(crate) struct Stats {
    requests: AtomicU64,
    failures: AtomicU64,
    /// In microseconds.
    longest: AtomicU64,
    /// The first few failures. Held for one push or one look.
    why: Mutex<Vec<String>>,
}

impl Stats {
    /// Counts a request that took this long.
    pub(crate) fn answered(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.longest.fetch_max(micros, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failure among the requests.
    pub(crate) fn failed(&self, why: String) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut known = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_TOLD {
            known.push(why);
        }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(crate) fn longest(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }

    /// What the first few failures were.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

const MOST_TOLD: usize = 5;
