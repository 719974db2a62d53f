//! The calls that run in one home: [`Calls`].

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::busy::Busy;
use super::resident::{Call, Load};
use crate::sync;
use crate::sync::{Mutex, MutexGuard, lock};

/// The calls that run in one home.
pub(super) struct Calls {
    /// Held for one look or change; never while a user's code runs.
    running: Mutex<Running>,
    /// The cache whose call was polled last: what it spawned may run since.
    last: AtomicU32,
}

#[derive(Default)]
pub(super) struct Running {
    pub(super) entries: HashMap<u64, Arc<Entry>>,
    /// The home ends: it takes no more.
    pub(super) closed: bool,
}

/// One call that a home carries. It is there until its work is dropped.
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) call: Arc<dyn Call>,
    pub(super) limit: Duration,
    pub(super) busy: Arc<Busy>,
    /// Its work until it begins, or is moved.
    waiting: Mutex<Option<Load>>,
    /// Its cache does not wait for it any more.
    pub(super) given_up: AtomicBool,
    /// It blocked its thread.
    pub(super) caught: AtomicBool,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            running: Mutex::default(),
            last: AtomicU32::new(NOBODY),
        }
    }
}

impl Calls {
    pub(super) fn lock(&self) -> MutexGuard<'_, Running> {
        lock(&self.running)
    }

    /// Whether none is left; if so, none gets in any more.
    pub(super) fn close_if_empty(&self) -> bool {
        let mut running = self.lock();
        running.closed |= running.entries.is_empty();
        running.closed
    }

    /// The cache whose call was polled last.
    pub(super) fn last(&self) -> Option<u32> {
        Some(self.last.load(Ordering::Relaxed)).filter(|last| *last != NOBODY)
    }

    pub(super) fn polls(&self, cache: u32) {
        self.last.store(cache, Ordering::Relaxed);
    }

    pub(super) fn remove(&self, id: u64) {
        let removed = self.lock().entries.remove(&id);
        drop(removed);
    }
}

impl Entry {
    pub(super) fn new(call: &Arc<dyn Call>, limit: Duration) -> Self {
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            call: Arc::clone(call),
            limit,
            busy: Arc::new(Busy::new()),
            waiting: Mutex::new(None),
            given_up: AtomicBool::new(false),
            caught: AtomicBool::new(false),
        }
    }

    /// Its work, until it begins.
    pub(super) fn put(&self, load: Load) {
        *lock(&self.waiting) = Some(load);
    }

    /// Takes the work of a call that has not begun.
    pub(super) fn take(&self) -> Option<Load> {
        lock(&self.waiting).take()
    }

    /// Whether it has not begun.
    pub(super) fn is_waiting(&self) -> bool {
        lock(&self.waiting).is_some()
    }
}

/// Drops a call's work, which is a user's; then it is not under way any more.
pub(super) fn discard(load: Load) {
    let Load { work, ticket } = load;
    sync::discard(work);
    drop(ticket);
}

static NEXT: AtomicU64 = AtomicU64::new(0);
/// No cache has this number, or one in four thousand million.
const NOBODY: u32 = u32::MAX;
