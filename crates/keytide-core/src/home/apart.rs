//! Caches whose calls are polled on a thread of their own, for they were caught blocking, or may have been.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keytide_fork::PerProcess;

use super::busy::Busy;
use super::own;
use super::runtime::{HELD, Home, Kind};
use crate::error::Error;
use crate::sys;
use crate::sys::clock::AgentClock;

/// A forked child has none: the threads of its parent's are not there.
static TABLE: PerProcess<Table> = PerProcess::new();

#[derive(Default)]
struct Table {
    /// How many there are: with none, which is nearly always, no call takes the lock.
    count: AtomicUsize,
    /// By the number of the cache. Held for a look, a change or the start of a thread.
    caches: Mutex<HashMap<u32, Apart>>,
}

#[derive(Default)]
struct Apart {
    /// Its own thread, while there is one.
    thread: Option<Arc<Home>>,
    /// The call that was caught.
    caught: Option<Arc<Busy>>,
    /// How many threads of its own must end well until it may live with the others again.
    trials: u32,
}

/// Where a call of this cache is polled, if not with the others. An error while a former call of it holds its thread.
pub(super) fn home_of(cache: u32, clock: &AgentClock) -> Option<Result<Arc<Home>, Error>> {
    let table = TABLE.get();
    if table.count.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let mut caches = lock(&table.caches);
    let apart = caches.get_mut(&cache)?;
    let now = sys::monotonic();
    let is_caught = |busy: &Arc<Busy>| busy.held(now) >= HELD;
    if apart.caught.as_ref().is_some_and(is_caught) {
        return Some(Err(still_blocks()));
    }
    if let Some(home) = apart.thread.as_ref().filter(|home| !home.is_dead()) {
        if home.is_stuck() {
            return Some(Err(still_blocks()));
        }
        home.is_back();
        return Some(Ok(Arc::clone(home)));
    }
    let started = own::start(clock.clone(), Kind::Apart(cache), ended);
    let former = match &started {
        Ok(home) => apart.thread.replace(Arc::clone(home)),
        Err(_) => None,
    };
    drop(caches);
    drop(former);
    Some(started)
}

pub(super) fn still_blocks() -> Error {
    Error::unavailable("a former call of the provider still blocks its thread")
}

/// A call of this cache was found to block its thread.
pub(super) fn caught(cache: u32, busy: &Arc<Busy>) {
    let table = TABLE.get();
    let mut caches = lock(&table.caches);
    let apart = caches.entry(cache).or_default();
    apart.trials = TRIALS;
    apart.caught = Some(Arc::clone(busy));
    table.count.store(caches.len(), Ordering::Relaxed);
}

/// Something held a thread, and this cache's call may have left it there, or was left behind with it: its next call
/// shows.
pub(super) fn suspect(cache: u32) {
    let table = TABLE.get();
    let mut caches = lock(&table.caches);
    if caches.len() >= MOST_SUSPECTS {
        // Some may be gone, and some have not called since.
        caches.retain(|_, apart| apart.trials > 1 || apart.thread.is_some());
    }
    if caches.len() < MOST_SUSPECTS {
        let apart = caches.entry(cache).or_default();
        apart.trials = apart.trials.max(1);
        table.count.store(caches.len(), Ordering::Relaxed);
    }
}

/// The thread of a cache's own ended, with all that was spawned there.
fn ended(home: &Home) {
    if let Kind::Apart(cache) = home.kind
        && home.blocked_since.get().is_none()
    {
        behaved(cache);
    }
}

/// A thread of this cache's own was never blocked.
fn behaved(cache: u32) {
    let table = TABLE.get();
    let mut caches = lock(&table.caches);
    let Some(apart) = caches.get_mut(&cache) else {
        return;
    };
    apart.trials = apart.trials.saturating_sub(1);
    let forgiven = (apart.trials == 0).then(|| caches.remove(&cache));
    table.count.store(caches.len(), Ordering::Relaxed);
    drop(caches);
    drop(forgiven);
}

/// The cache is gone.
pub(crate) fn forget(cache: u32) {
    let table = TABLE.get();
    if table.count.load(Ordering::Relaxed) == 0 {
        return;
    }
    let mut caches = lock(&table.caches);
    let gone = caches.remove(&cache);
    table.count.store(caches.len(), Ordering::Relaxed);
    drop(caches);
    drop(gone);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many calls in a row must not block their thread until a provider that was caught is trusted again.
const TRIALS: u32 = 10;
/// How many caches are kept apart on a mere suspicion.
const MOST_SUSPECTS: usize = 64;
