//! One timer structure for all caches of a home.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use super::alarm::Alarm;
use super::resident::Resident;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::sys::time::Boot;

/// What is due when, by the boot clock.
#[derive(Default)]
pub(super) struct TimerQueue {
    /// Held for one look or change; never while a cache is called.
    entries: Mutex<Entries>,
}

/// Two maps, for there may be a hundred thousand caches, and an entry of theirs is smaller.
#[derive(Default)]
pub(super) struct Entries {
    caches: BTreeMap<Place, Weak<dyn Resident>>,
    alarms: BTreeMap<(Boot, u64), Arc<Alarm>>,
    /// The home does not serve caches any more.
    closed: bool,
}

/// An instant and the number of a cache, in their order. Packed, for as a pair they would take sixteen bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(Rust, packed(4))]
struct Place {
    due: Boot,
    id: u32,
}

/// Who is to be told.
pub(super) enum Due {
    Cache(Weak<dyn Resident>),
    Alarm(Arc<Alarm>),
}

impl TimerQueue {
    /// Whether the driver must look, for the entry is now the first of its sort. Gives the cache back when the home does not
    /// serve it.
    pub(super) fn insert(
        &self,
        due: Boot,
        id: u32,
        cache: Weak<dyn Resident>,
    ) -> Result<bool, Weak<dyn Resident>> {
        let mut entries = self.lock();
        if entries.closed {
            return Err(cache);
        }
        let place = Place { due, id };
        entries.caches.insert(place, cache);
        let first = entries.caches.first_key_value();
        Ok(first.is_some_and(|(first, _)| *first == place))
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
        let removed = self.lock().caches.remove(&Place { due, id });
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
            && { first.key().due } <= now
        {
            due.push(Due::Cache(first.remove()));
        }
        due
    }

    pub(super) fn next(&self) -> Option<Boot> {
        let entries = self.lock();
        let cache = entries.caches.first_key_value();
        let cache = cache.map(|(place, _)| place.due);
        let alarm = entries.alarms.first_key_value().map(|((due, _), _)| *due);
        cache.into_iter().chain(alarm).min()
    }

    /// Every cache, for the clock stepped.
    pub(super) fn take_caches(&self) -> impl Iterator<Item = Weak<dyn Resident>> + use<> {
        std::mem::take(&mut self.lock().caches).into_values()
    }

    /// Every cache and every alarm, for the home is given up. No cache gets in any more.
    pub(super) fn close(&self) -> Vec<Due> {
        let closed = Entries {
            closed: true,
            ..Entries::default()
        };
        let Entries { caches, alarms, .. } = std::mem::replace(&mut *self.lock(), closed);
        alarms
            .into_values()
            .map(Due::Alarm)
            .chain(caches.into_values().map(Due::Cache))
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

    const ENTRIES: u32 = if cfg!(miri) { 6 } else { 1_000 };

    #[test]
    fn what_is_due_is_taken_alarms_first_and_no_more_than_asked() {
        let queue = TimerQueue::default();
        assert_eq!(queue.insert(Boot(20), 1, nobody()).ok(), Some(true));
        assert_eq!(queue.insert(Boot(30), 2, nobody()).ok(), Some(false));
        assert_eq!(queue.insert(Boot(10), 3, nobody()).ok(), Some(true));
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
    fn places_take_twelve_bytes_and_are_in_the_order_of_their_instants() {
        let place = |due, id| Place { due: Boot(due), id };

        assert_eq!(size_of::<Place>(), 12);
        assert!(place(-1, u32::MAX) < place(0, 0));
        assert!(place(0, 1) < place(0, 2));
        assert!(place(i64::MIN, 2) < place(i64::MAX, 1));
    }

    #[test]
    fn each_entry_of_any_thread_is_taken_once() {
        let (queue, taken) = (TimerQueue::default(), AtomicUsize::new(0));

        thread::scope(|scope| {
            for odd in 0..2 {
                let queue = &queue;
                scope.spawn(move || {
                    for number in 0..ENTRIES {
                        let id = 2 * number + odd;
                        let taken_in = queue.insert(Boot(i64::from(number)), id, nobody());
                        assert!(taken_in.is_ok());
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

        let left = queue.close().len();
        let all = 4 * usize::try_from(ENTRIES).unwrap();
        assert_eq!(taken.into_inner() + left, all);
        assert!(queue.insert(Boot(1), 1, nobody()).is_err(), "it is closed");
    }
}
