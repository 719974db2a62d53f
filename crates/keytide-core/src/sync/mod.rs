//! Locks, and the points where a model checker may switch threads.
//!
//! Under `--cfg keytide_shuttle` the same code runs under shuttle: its threads run one at a time, so that each call of
//! `arc_swap` is one step, with a switch before it. Time stands still there: what sleeps does not wake by itself.

pub(crate) mod ringers;
pub(crate) mod slot;
pub(crate) mod wakers;

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::task::Waker;

#[cfg(keytide_shuttle)]
pub(crate) use shuttle::future::AbortHandle;
#[cfg(keytide_shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(keytide_shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard};
#[cfg(not(keytide_shuttle))]
pub(crate) use tokio::{task::AbortHandle, time::sleep};

/// A lock that a panic elsewhere has not spoilt: no code of a user runs under any of ours.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(std::sync::TryLockError::WouldBlock) => None,
    }
}

/// Wakes one; a panic in it is its own.
pub(crate) fn wake(waker: Waker) {
    discard(catch_unwind(AssertUnwindSafe(|| waker.wake())).err());
}

/// Drops what may be a user's; a panic in it is its own.
pub(crate) fn discard<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // What a panic leaves behind may panic once more.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    }
}

/// Calls what is a user's; `None` where it panics.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(payload) => {
            discard(payload);
            None
        }
    }
}

thread_local! {
    static BURIED: RefCell<Vec<Box<dyn Any + Send>>> = const { RefCell::new(Vec::new()) };
}

/// Has `value` dropped once the lock over a cache's state is released: it may be a user's, whose `drop` may do anything.
pub(crate) fn bury<T: Send + 'static>(value: T) {
    // Where the thread is ending it goes at once.
    let _ = BURIED.try_with(|buried| buried.borrow_mut().push(Box::new(value)));
}

/// Buries what is there, if anything.
pub(crate) fn bury_any<T: Send + 'static>(value: Option<T>) {
    if let Some(value) = value {
        bury(value);
    }
}

/// Drops what was buried, one by one, when it is dropped itself.
pub(crate) struct LayToRest;

impl Drop for LayToRest {
    fn drop(&mut self) {
        // Each `drop` may bury and lay to rest in turn.
        while let Ok(Some(value)) = BURIED.try_with(|buried| buried.borrow_mut().pop()) {
            discard(value);
        }
    }
}

/// A point where another thread may run.
#[inline]
pub(crate) fn step() {
    // Not `yield_now`: it wakes the task that runs, which would hide a lost wake-up.
    #[cfg(keytide_shuttle)]
    shuttle::thread::sleep(std::time::Duration::ZERO);
}

#[cfg(keytide_shuttle)]
pub(crate) fn sleep(_: std::time::Duration) -> std::future::Pending<()> {
    std::future::pending()
}
