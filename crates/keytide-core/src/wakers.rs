//! The wakers of those who wait for one thing: [`Wakers`].

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use crate::sync::{Mutex, lock};

/// Wakes all who wait, one by one. A waker is a user's code: it is cloned, woken and dropped outside the lock, and one that
/// panics keeps nobody else from being woken.
///
/// Who waits registers first and looks then, so that nothing which is made true before [`wake`](Self::wake) is missed.
#[derive(Default)]
pub(crate) struct Wakers {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
}

/// A place among those who wait. It is left when dropped.
pub(crate) struct Place<'a> {
    wakers: &'a Wakers,
    id: Option<u64>,
}

impl Wakers {
    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            wakers: self,
            id: None,
        }
    }

    /// Wakes all who wait now.
    pub(crate) fn wake(&self) {
        let all = std::mem::take(&mut lock(&self.waiting).wakers);
        all.into_values().for_each(wake);
    }
}

impl Place<'_> {
    /// Has `waker` woken by the next [`Wakers::wake`].
    pub(crate) fn register(&mut self, waker: &Waker) {
        let mine = waker.clone();
        let mut waiting = lock(&self.wakers.waiting);
        let id = *self.id.get_or_insert_with(|| {
            waiting.next += 1;
            waiting.next
        });
        let former = waiting.wakers.insert(id, mine);
        drop(waiting);
        discard(former);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let former = lock(&self.wakers.waiting).wakers.remove(&id);
            discard(former);
        }
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

impl fmt::Debug for Wakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wakers").finish_non_exhaustive()
    }
}
