//! Calls that run in a home: polled in a task each, and watched from outside.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use super::busy::Busy;
use super::resident::{Call, Landing, Load};
use super::{Home, sentry};
use crate::error::Error;
use crate::sync;
use crate::sync::sleep;

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
    closed: bool,
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

    fn remove(&self, id: u64) {
        let removed = self.lock().entries.remove(&id);
        drop(removed);
    }
}

impl Entry {
    /// Takes the work of a call that has not begun.
    pub(super) fn take(&self) -> Option<Load> {
        lock(&self.waiting).take()
    }

    /// Whether it has not begun.
    pub(super) fn is_waiting(&self) -> bool {
        lock(&self.waiting).is_some()
    }
}

impl Home {
    /// Carries a call here until it is done or `limit` has passed. Gives it back when this home has ended.
    pub(super) fn carry(
        self: &Arc<Self>,
        call: &Arc<dyn Call>,
        load: Load,
        limit: Duration,
    ) -> Result<(), Load> {
        let entry = Arc::new(Entry {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            call: Arc::clone(call),
            limit,
            busy: Arc::new(Busy::new()),
            waiting: Mutex::new(None),
            given_up: AtomicBool::new(false),
            caught: AtomicBool::new(false),
        });
        let mut running = self.calls.lock();
        if running.closed {
            drop(running);
            return Err(load);
        }
        *lock(&entry.waiting) = Some(load);
        running.entries.insert(entry.id, Arc::clone(&entry));
        drop(running);
        let carriage = Carriage {
            home: Arc::clone(self),
            entry,
            load: None,
            landed: false,
        };
        call.carried(self.spawn(carriage.run()));
        sentry::watch(self);
        Ok(())
    }
}

/// Polls one call, and tells its cache when it is dropped before it has landed.
struct Carriage {
    home: Arc<Home>,
    entry: Arc<Entry>,
    load: Option<Load>,
    landed: bool,
}

impl Carriage {
    async fn run(mut self) {
        self.load = self.entry.take();
        if self.load.is_none() {
            // It was moved.
            return;
        }
        let limit = self.entry.limit;
        let mut slept = pin!(sleep(limit));
        let landing = poll_fn(|context| match self.poll(context) {
            Poll::Ready(landing) => Poll::Ready(Some(landing)),
            Poll::Pending => slept.as_mut().poll(context).map(|()| None),
        })
        .await;
        let ticket = self.unload();
        self.landed = true;
        match landing {
            Some(landing) => landing(),
            None => self.entry.call.fail(late(limit)),
        }
        drop(self);
        drop(ticket);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Landing> {
        let Some(load) = &mut self.load else {
            return Poll::Pending;
        };
        if let Some(cache) = self.entry.call.cache() {
            self.home.calls.last.store(cache, Ordering::Relaxed);
        }
        self.entry
            .busy
            .while_in(|| load.work.as_mut().poll(context))
    }

    /// Drops the work, which is a user's.
    fn unload(&mut self) -> Option<super::tally::Ticket> {
        let Load { work, ticket } = self.load.take().or_else(|| self.entry.take())?;
        self.entry.busy.while_in(|| sync::discard(work));
        Some(ticket)
    }
}

impl Drop for Carriage {
    fn drop(&mut self) {
        let ticket = self.unload();
        self.home.calls.remove(self.entry.id);
        if self.home.is_passing() {
            self.home.wake.notify_one();
        }
        // One that was moved left nothing here.
        if ticket.is_some() && !self.landed {
            self.entry.call.orphan(None, false);
        }
        drop(ticket);
    }
}

/// Drops a call's work, which is a user's; then it is not under way any more.
pub(super) fn discard(load: Load) {
    let Load { work, ticket } = load;
    sync::discard(work);
    drop(ticket);
}

fn late(limit: Duration) -> Error {
    Error::unavailable(format!("the issuer did not answer within {limit:?}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

static NEXT: AtomicU64 = AtomicU64::new(0);
/// No cache has this number, or one in four thousand million.
const NOBODY: u32 = u32::MAX;
