//! Lets go of what is kept ready when its generation ends, without a task: [`Watch`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Wake, Waker};

use keytide_core::Cache;

use crate::prepared::Attaching;

/// Follows the generations of a cache for as long as it is held.
///
/// What it has to do is done by whoever publishes or revokes, in the waker that they call: what was made of the old
/// generation is dropped before `revoke` or `terminate` has returned. It costs no task, needs no runtime, and blocks on
/// nothing but the making of what is kept.
pub(crate) struct Watch {
    /// Held for one poll, by the one who holds the turn.
    following: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    /// Wakes since the last poll; who finds none has the turn.
    wakes: AtomicUsize,
}

impl Watch {
    pub(crate) fn new(cache: &Cache, prepared: Weak<dyn Attaching>) -> Arc<Self> {
        let mut changes = cache.changes();
        let following = async move {
            loop {
                let next = changes.next().await;
                let Some(prepared) = prepared.upgrade() else {
                    return;
                };
                prepared.forget_before(next.unwrap_or(u64::MAX));
                if next.is_none() {
                    return;
                }
            }
        };
        // It is polled in the midst of other tasks, whose budget must not stop it.
        let following = tokio::task::unconstrained(following);
        let watch = Arc::new(Self {
            following: Mutex::new(Some(Box::pin(following))),
            wakes: AtomicUsize::new(0),
        });
        watch.poll();
        watch
    }

    fn poll(self: &Arc<Self>) {
        // Release: who has the turn sees what was published before this wake. Acquire: who takes it sees the last poll.
        if self.wakes.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let waker = Waker::from(Arc::new(Woken(Arc::downgrade(self))));
        let mut context = Context::from_waker(&waker);
        loop {
            // Acquire: what came before the wakes that are counted here is seen by the poll that answers them.
            let seen = self.wakes.load(Ordering::Acquire);
            let mut following = self
                .following
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if following
                .as_mut()
                .is_some_and(|future| future.as_mut().poll(&mut context).is_ready())
            {
                *following = None;
            }
            drop(following);
            // Release: who takes the turn next sees this poll. Acquire: it reads again what the load above read.
            if self
                .wakes
                .compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                return;
            }
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// The waker that the future holds: weak, for the future belongs to the watch.
struct Woken(Weak<Watch>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        if let Some(watch) = self.0.upgrade() {
            watch.poll();
        }
    }
}

#[cfg(test)]
mod tests;
