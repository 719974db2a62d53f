//! One timer structure for all caches of a home.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use super::alarm::Alarm;
use super::resident::Resident;
use super::wheel::{TimerKey, Wheel};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::sys::time::Boot;

/// What is due when, by the boot clock.
#[derive(Default)]
pub(super) struct TimerQueue {
    /// Held for one look or change; never while a cache is called.
    entries: Mutex<Entries>,
}

#[derive(Default)]
pub(super) struct Entries {
    /// There may be a hundred thousand.
    caches: Wheel<dyn Resident>,
    /// When the driver looks, as far as it was told.
    looks_at: Option<Boot>,
    /// Few: of those who wait.
    alarms: BTreeMap<(Boot, u64), Arc<Alarm>>,
    /// The home does not serve caches any more.
    closed: bool,
}

/// A timer that was set.
#[derive(Debug)]
pub(super) struct Inserted {
    pub(super) key: TimerKey,
    /// The driver must look: the entry is now the first of its sort.
    pub(super) is_first: bool,
}

/// Who is to be told.
pub(super) enum Due {
    Cache(Weak<dyn Resident>),
    Alarm(Arc<Alarm>),
}

impl Entries {
    fn take_back(
        &mut self,
        key: TimerKey,
        cache: &Weak<dyn Resident>,
    ) -> Option<Weak<dyn Resident>> {
        let (due, removed) = self.caches.remove(key, cache)?;
        if self.looks_at.is_some_and(|looks_at| due <= looks_at) {
            // What it sleeps for is gone, and its sleep may be longer than it was meant to be: timers do not count suspends.
            self.looks_at = None;
        }
        Some(removed)
    }
}

impl TimerQueue {
    /// Sets a timer in the place of the one that was set before. Gives the cache back when the home does not serve it.
    pub(super) fn insert(
        &self,
        former: TimerKey,
        due: Boot,
        cache: Weak<dyn Resident>,
    ) -> Result<Inserted, Weak<dyn Resident>> {
        let mut entries = self.lock();
        if entries.closed {
            return Err(cache);
        }
        // A weak reference of its cache: it drops nothing that is a user's.
        drop(entries.take_back(former, &cache));
        let key = entries.caches.insert(due, cache);
        let is_first = entries.looks_at.is_none_or(|looks_at| due < looks_at);
        if is_first {
            entries.looks_at = Some(due);
        }
        Ok(Inserted { key, is_first })
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

    pub(super) fn remove(&self, key: TimerKey, cache: &Weak<dyn Resident>) {
        let removed = self.lock().take_back(key, cache);
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
        let left = most - due.len();
        let caches = entries.caches.take_due(now, left);
        due.extend(caches.into_iter().map(Due::Cache));
        due
    }

    /// When the driver is to look.
    pub(super) fn next(&self) -> Option<Boot> {
        let mut entries = self.lock();
        let cache = entries.caches.next();
        entries.looks_at = cache;
        let alarm = entries.alarms.first_key_value().map(|((due, _), _)| *due);
        cache.into_iter().chain(alarm).min()
    }

    /// Every cache, for the clock stepped.
    pub(super) fn take_caches(&self) -> impl Iterator<Item = Weak<dyn Resident>> + use<> {
        self.lock().caches.take_all()
    }

    /// Every cache and every alarm, for the home is given up. No cache gets in any more.
    pub(super) fn close(&self) -> Vec<Due> {
        let closed = Entries {
            closed: true,
            ..Entries::default()
        };
        let mut entries = std::mem::replace(&mut *self.lock(), closed);
        let alarms = entries.alarms.into_values().map(Due::Alarm);
        alarms
            .chain(entries.caches.take_all().map(Due::Cache))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        lock(&self.entries)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::identity::InstanceId;
    use crate::sys::time::Now;

    struct Nobody;

    impl Resident for Nobody {
        fn agent(&self) -> InstanceId {
            InstanceId::drawn(1)
        }

        fn due(self: Arc<Self>, _: Now) {}

        fn stepped(self: Arc<Self>, _: Now) {}

        fn rehome(self: Arc<Self>) {}

        fn tell_step(&self, _: Duration, _: bool) {}

        fn home_blocked(&self, _: Option<&'static str>) {}
    }

    fn nobody() -> Weak<dyn Resident> {
        Weak::<Nobody>::new()
    }

    fn set(queue: &TimerQueue, due: i64) -> Option<Inserted> {
        let set = queue.insert(TimerKey::NONE, Boot(due * MILLISECOND), nobody());
        set.ok()
    }

    const ENTRIES: u32 = if cfg!(miri) { 6 } else { 1_000 };
    const MILLISECOND: i64 = 1_000_000;

    #[test]
    fn what_is_due_is_taken_alarms_first_and_no_more_than_asked() {
        let queue = TimerQueue::default();
        let (twenty, thirty) = (Boot(20 * MILLISECOND), Boot(30 * MILLISECOND));
        assert!(set(&queue, 20).is_some_and(|set| set.is_first));
        let last = set(&queue, 30).unwrap();
        assert!(!last.is_first);
        assert!(set(&queue, 10).is_some_and(|set| set.is_first));
        assert!(queue.insert_alarm(twenty, 4, Arc::default()));
        assert_eq!(queue.next(), Some(Boot(10 * MILLISECOND)));

        let due = queue.take_due(twenty, 2);

        assert!(matches!(due[..], [Due::Alarm(_), Due::Cache(_)]));
        assert_eq!(queue.next(), Some(twenty));
        assert_eq!(queue.take_due(twenty, 9).len(), 1);
        assert_eq!(queue.next(), Some(thirty));
        queue.remove(last.key, &nobody());
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn the_driver_is_told_of_what_is_before_its_next_look_and_of_nothing_else() {
        let queue = TimerQueue::default();
        assert!(set(&queue, 20).unwrap().is_first, "it has not looked yet");
        assert_eq!(queue.take_due(Boot(20 * MILLISECOND), 9).len(), 1);
        assert_eq!(queue.next(), None);

        assert!(set(&queue, 50).unwrap().is_first, "it looks for nothing");
        assert!(!set(&queue, 60).unwrap().is_first);
        assert!(set(&queue, 40).unwrap().is_first);
        assert!(!set(&queue, 40).unwrap().is_first);
    }

    #[test]
    fn the_driver_is_told_where_what_it_sleeps_for_is_set_anew() {
        let queue = TimerQueue::default();
        let first = set(&queue, 20).unwrap().key;
        let second = set(&queue, 30).unwrap().key;
        assert_eq!(queue.next(), Some(Boot(20 * MILLISECOND)));

        let later = |former, due| {
            queue
                .insert(former, Boot(due * MILLISECOND), nobody())
                .unwrap()
        };
        assert!(!later(second, 40).is_first, "it sleeps for another");
        assert!(later(first, 50).is_first);
    }

    #[test]
    fn a_timer_that_is_set_anew_takes_the_place_of_the_former() {
        let queue = TimerQueue::default();
        let former = set(&queue, 20).unwrap().key;
        let anew = queue.insert(former, Boot(30 * MILLISECOND), nobody());
        assert!(anew.is_ok());

        assert_eq!(queue.take_due(Boot(40 * MILLISECOND), 9).len(), 1);
    }

    #[test]
    fn each_entry_of_any_thread_is_taken_once() {
        let (queue, taken) = (TimerQueue::default(), AtomicUsize::new(0));

        thread::scope(|scope| {
            for odd in 0..2 {
                let queue = &queue;
                scope.spawn(move || {
                    for number in 0..ENTRIES {
                        let due = i64::from(number) * MILLISECOND;
                        assert!(set(queue, i64::from(number)).is_some());
                        queue.insert_alarm(Boot(due), (2 * number + odd).into(), Arc::default());
                    }
                });
                scope.spawn(|| {
                    for number in 0..ENTRIES {
                        let due = queue.take_due(Boot(i64::from(number) * MILLISECOND), 3);
                        taken.fetch_add(due.len(), Ordering::Relaxed);
                        thread::yield_now();
                    }
                });
            }
        });

        let left = queue.close().len();
        let all = 4 * usize::try_from(ENTRIES).unwrap();
        assert_eq!(taken.into_inner() + left, all);
        assert!(set(&queue, 1).is_none(), "it is closed");
    }
}
