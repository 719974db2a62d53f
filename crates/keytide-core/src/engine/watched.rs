//! Where the watchers of one cache look: [`Watched`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::wakers::{Registration, Wakers};

/// What the watchers of one cache look at.
pub(crate) struct Watched {
    latest: AtomicU64,
    wakers: Wakers,
}

impl Watched {
    pub(crate) fn new(latest: u64) -> Self {
        Self {
            latest: AtomicU64::new(latest),
            wakers: Wakers::default(),
        }
    }
}

impl Watched {
    pub(crate) fn registration(&self) -> Registration<'_> {
        self.wakers.registration()
    }

    /// Whether there is a generation newer than this, or none will follow.
    pub(crate) fn is_beyond(&self, seen: u64) -> bool {
        self.latest() > seen
    }

    pub(crate) fn latest(&self) -> u64 {
        // Acquire: with a generation comes the credential, stored before the Release in `tell_watchers`.
        self.latest.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self) {
        // Release, as of a generation: with the end comes what was stored before it.
        self.latest.store(END, Ordering::Release);
    }
}

/// Tells of a generation, outside any lock: wakers are called.
pub(crate) fn tell_watchers(watched: Option<Arc<Watched>>, generation: u64) {
    if let Some(watched) = watched {
        // Release: who sees the generation sees the credential that was stored before.
        watched.latest.fetch_max(generation, Ordering::Release);
        watched.wakers.wake();
    }
}

/// No generation will follow.
pub(crate) const END: u64 = u64::MAX;
