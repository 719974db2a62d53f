//! One timer structure for all caches of a home.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::sentry::Alarm;
use crate::cache::Shared;
use crate::time::Boot;

/// What is due when, by the boot clock.
#[derive(Default)]
pub(super) struct Queue {
    /// Held for one look or change; never while a cache is called.
    entries: Mutex<Entries>,
}

/// Two maps, for there may be a hundred thousand caches, and an entry of theirs is smaller.
#[derive(Default)]
pub(super) struct Entries {
    caches: BTreeMap<(Boot, u32), Weak<Shared>>,
    alarms: BTreeMap<(Boot, u64), Arc<Alarm>>,
}

/// Who is to be told.
pub(super) enum Due {
    Cache(Weak<Shared>),
    Alarm(Arc<Alarm>),
}

impl Queue {
    /// Whether the driver must look, for the entry is now the first of its sort.
    pub(super) fn insert(&self, due: Boot, id: u32, cache: Weak<Shared>) -> bool {
        let mut entries = self.lock();
        entries.caches.insert((due, id), cache);
        entries
            .caches
            .first_key_value()
            .is_some_and(|(first, _)| *first == (due, id))
    }

    /// Whether the driver must look, for the entry is now the first of its sort.
    pub(super) fn insert_alarm(&self, due: Boot, id: u64, alarm: Arc<Alarm>) -> bool {
        let mut entries = self.lock();
        entries.alarms.insert((due, id), alarm);
        entries
            .alarms
            .first_key_value()
            .is_some_and(|(first, _)| *first == (due, id))
    }

    pub(super) fn remove(&self, due: Boot, id: u32) {
        let removed = self.lock().caches.remove(&(due, id));
        drop(removed);
    }

    pub(super) fn remove_alarm(&self, due: Boot, id: u64) {
        let removed = self.lock().alarms.remove(&(due, id));
        drop(removed);
    }

    /// At most `most` entries that are due.
    pub(super) fn take_due(&self, now: Boot, most: usize) -> Vec<Due> {
        let mut entries = self.lock();
        let mut due = Vec::new();
        while due.len() < most
            && let Some(first) = entries.alarms.first_entry()
            && first.key().0 <= now
        {
            due.push(Due::Alarm(first.remove()));
        }
        while due.len() < most
            && let Some(first) = entries.caches.first_entry()
            && first.key().0 <= now
        {
            due.push(Due::Cache(first.remove()));
        }
        due
    }

    pub(super) fn next(&self) -> Option<Boot> {
        let entries = self.lock();
        let cache = entries.caches.first_key_value().map(|((due, _), _)| *due);
        let alarm = entries.alarms.first_key_value().map(|((due, _), _)| *due);
        cache.into_iter().chain(alarm).min()
    }

    /// Every cache, for the clock stepped.
    pub(super) fn take_caches(&self) -> impl Iterator<Item = Weak<Shared>> + use<> {
        std::mem::take(&mut self.lock().caches).into_values()
    }

    /// Every cache and every alarm, for the home is given up.
    pub(super) fn take_all(&self) -> impl Iterator<Item = Due> + use<> {
        let Entries { caches, alarms } = std::mem::take(&mut *self.lock());
        alarms
            .into_values()
            .map(Due::Alarm)
            .chain(caches.into_values().map(Due::Cache))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    const ENTRIES: u32 = if cfg!(miri) { 6 } else { 1_000 };

    #[test]
    fn what_is_due_is_taken_alarms_first_and_no_more_than_asked() {
        let queue = Queue::default();
        assert!(queue.insert(Boot(20), 1, Weak::new()));
        assert!(!queue.insert(Boot(30), 2, Weak::new()));
        assert!(
            queue.insert(Boot(10), 3, Weak::new()),
            "it is the first now"
        );
        assert!(queue.insert_alarm(Boot(20), 4, Arc::default()));
        assert_eq!(queue.next(), Some(Boot(10)));

        let due = queue.take_due(Boot(20), 2);

        assert!(matches!(due[..], [Due::Alarm(_), Due::Cache(_)]));
        assert_eq!(queue.next(), Some(Boot(20)));
        assert_eq!(queue.take_due(Boot(20), 9).len(), 1);
        queue.remove(Boot(30), 2);
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn each_entry_of_any_thread_is_taken_once() {
        let (queue, taken) = (Queue::default(), AtomicUsize::new(0));

        thread::scope(|scope| {
            for odd in 0..2 {
                let queue = &queue;
                scope.spawn(move || {
                    for number in 0..ENTRIES {
                        let id = 2 * number + odd;
                        queue.insert(Boot(i64::from(number)), id, Weak::new());
                        queue.insert_alarm(Boot(i64::from(number)), id.into(), Arc::default());
                    }
                });
                scope.spawn(|| {
                    for number in 0..ENTRIES {
                        let due = queue.take_due(Boot(number.into()), 3);
                        taken.fetch_add(due.len(), Ordering::Relaxed);
                        thread::yield_now();
                    }
                });
            }
        });

        let left = queue.take_all().count();
        let all = 4 * usize::try_from(ENTRIES).unwrap();
        assert_eq!(taken.into_inner() + left, all);
    }
}
