//! What ends a wait: [`Alarm`].

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use std::task::{Poll, Waker};

use crate::sync;
use crate::sync::{Mutex, lock};

static NEXT_ALARM: AtomicU64 = AtomicU64::new(1 << 63);

/// Wakes one waiter at a time that was set.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    rung: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Alarm {
    pub(crate) fn ring(&self) {
        if let Some(waker) = self.mark() {
            sync::wake(waker);
        }
    }

    /// Counts as rung from now on. Who is to be woken is the caller's to wake, outside every lock.
    pub(super) fn mark(&self) -> Option<Waker> {
        // Before the lock, which whoever polls has after it, or leaves a waker in.
        self.rung.store(true, Ordering::Relaxed);
        lock(&self.waker).take()
    }

    pub(crate) fn poll(&self, waker: &Waker) -> Poll<()> {
        let mine = waker.clone();
        let former = lock(&self.waker).replace(mine);
        sync::discard(former);
        if self.rung.load(Ordering::Relaxed) {
            // Nothing of a user's is left for whoever holds the alarm last.
            let mine = lock(&self.waker).take();
            sync::discard(mine);
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    pub(crate) fn next_id() -> u64 {
        NEXT_ALARM.fetch_add(1, Ordering::Relaxed)
    }
}
