//! State that a forked child has anew: [`PerProcess`].

use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::generation;

/// A value of which each process has its own: a child that was forked begins with `T::default()`, whatever its parent's
/// holds, and whoever had it locked.
///
/// Made at the first use. A child leaves what it inherits as it is, for ever.
pub struct PerProcess<T> {
    current: AtomicPtr<Of<T>>,
}

struct Of<T> {
    generation: u32,
    value: T,
}

impl<T: Default + Send + Sync> PerProcess<T> {
    /// Nothing is made yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            current: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// That of this process.
    #[inline]
    #[expect(
        unsafe_code,
        reason = "a pointer is followed, that is never freed while it can be"
    )]
    pub fn get(&self) -> &T {
        let generation = generation();
        // Acquire: with the pointer comes what it points to, which its maker wrote before the Release below.
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: it is null, or was leaked by `make` below. It is freed by `drop` alone, which has `self` for itself, and
        // the borrow that is returned keeps `self` from being dropped.
        match unsafe { current.as_ref() } {
            Some(of) if of.generation == generation => &of.value,
            _ => self.make(current, generation),
        }
    }

    #[cold]
    #[expect(unsafe_code, reason = "as above")]
    fn make(&self, former: *mut Of<T>, generation: u32) -> &T {
        let mine = Box::into_raw(Box::new(Of {
            generation,
            value: T::default(),
        }));
        // Release: what is pointed to was written before; Acquire: so was what somebody else has put there.
        let exchanged =
            self.current
                .compare_exchange(former, mine, Ordering::AcqRel, Ordering::Acquire);
        let current = match exchanged {
            Ok(_) => mine,
            Err(other) => {
                // SAFETY: nobody else has seen it.
                drop(unsafe { Box::from_raw(mine) });
                other
            }
        };
        // SAFETY: as in `get`. It is not null: what was put there is never taken away.
        &unsafe { &*current }.value
    }
}

impl<T: Default + Send + Sync> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for PerProcess<T> {
    #[expect(unsafe_code, reason = "what was leaked is taken back")]
    fn drop(&mut self) {
        let current = *self.current.get_mut();
        if current.is_null() {
            return;
        }
        // SAFETY: it was leaked by `make`, and nobody else has it any more: `self` is borrowed for good.
        let of = unsafe { Box::from_raw(current) };
        if of.generation == generation() {
            drop(of);
        } else {
            // A parent's: it may be locked.
            std::mem::forget(of);
        }
    }
}

impl<T> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerProcess").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread;

    use super::*;

    #[test]
    fn one_value_is_shared_by_all_threads_and_dropped_with_its_owner() {
        let shared = PerProcess::<Mutex<Vec<u32>>>::new();

        thread::scope(|scope| {
            for number in 0..8 {
                let shared = &shared;
                scope.spawn(move || shared.get().lock().unwrap().push(number));
            }
        });

        assert_eq!(shared.get().lock().unwrap().len(), 8);
    }

    #[test]
    fn what_was_made_before_a_fork_is_left_behind() {
        let mut shared = PerProcess::<Mutex<Vec<u32>>>::new();
        shared.get().lock().unwrap().push(1);
        #[expect(unsafe_code, reason = "a fork is feigned")]
        // SAFETY: it is not null, and nobody else has it.
        unsafe {
            (**shared.current.get_mut()).generation = generation().wrapping_add(1);
        }

        let held = shared.get().lock().unwrap();

        assert!(held.is_empty());
    }
}
