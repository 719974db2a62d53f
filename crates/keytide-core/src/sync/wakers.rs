//! The wakers of those who wait for one thing: [`Wakers`].

use std::collections::BTreeMap;
use std::fmt;
use std::task::Waker;

use super::{Mutex, discard, lock, ringers, wake};

/// Wakes all who wait, one by one. A waker is a user's code: it is cloned, woken and dropped outside the lock, and one that
/// panics keeps nobody else from being woken. One that blocks holds the thread that wakes: those behind it are woken by another
/// one as soon as the watchdog has seen it.
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
pub(crate) struct Registration<'a> {
    wakers: &'a Wakers,
    id: Option<u64>,
}

impl Wakers {
    pub(crate) fn registration(&self) -> Registration<'_> {
        Registration {
            wakers: self,
            id: None,
        }
    }

    /// Wakes all who wait now.
    pub(crate) fn wake(&self) {
        let all = std::mem::take(&mut lock(&self.waiting).wakers);
        if all.len() > 1 && !cfg!(keytide_shuttle) {
            ringers::wake_row(all.into_values().collect());
        } else {
            all.into_values().for_each(wake);
        }
    }
}

impl Registration<'_> {
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

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let former = lock(&self.wakers.waiting).wakers.remove(&id);
            discard(former);
        }
    }
}

impl fmt::Debug for Wakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wakers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::task::Wake;
    use std::thread::{self, Thread};

    use super::*;

    const ROUNDS: u32 = if cfg!(miri) { 4 } else { 2_000 };

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_registers_and_looks_then_misses_no_wake() {
        for _ in 0..ROUNDS {
            let (wakers, done) = (Wakers::default(), AtomicBool::new(false));

            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let waker = Waker::from(Arc::new(Unpark(thread::current())));
                        let mut registration = wakers.registration();
                        loop {
                            registration.register(&waker);
                            if done.load(Ordering::Acquire) {
                                break;
                            }
                            thread::park();
                        }
                    });
                }
                done.store(true, Ordering::Release);
                wakers.wake();
            });
        }
    }

    #[test]
    fn a_place_is_woken_once_by_its_last_waker_and_not_when_it_was_left() {
        let counts: [Arc<Count>; 3] = Default::default();
        let [first, second, left] = counts
            .each_ref()
            .map(|count| Waker::from(Arc::clone(count)));
        let wakers = Wakers::default();
        let mut registration = wakers.registration();
        registration.register(&first);
        registration.register(&second);
        let mut other = wakers.registration();
        other.register(&left);
        drop(other);

        wakers.wake();
        wakers.wake();

        assert_eq!(
            counts
                .each_ref()
                .map(|count| count.0.load(Ordering::Relaxed)),
            [0, 1, 0]
        );
        assert_eq!(
            Arc::strong_count(&counts[2]),
            2,
            "its place let go of it: `left` and the list here are left"
        );
    }
}
