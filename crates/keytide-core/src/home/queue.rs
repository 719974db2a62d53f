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

pub(super) type Entries = BTreeMap<(Boot, u64), Due>;

/// Who is to be told.
pub(super) enum Due {
    Cache(Weak<Shared>),
    Alarm(Arc<Alarm>),
}

impl Queue {
    /// Whether the entry is now the first, so that the driver must look.
    pub(super) fn insert(&self, due: Boot, id: u64, entry: Due) -> bool {
        let mut entries = self.lock();
        entries.insert((due, id), entry);
        entries
            .first_key_value()
            .is_some_and(|(first, _)| *first == (due, id))
    }

    pub(super) fn remove(&self, due: Boot, id: u64) {
        let removed = self.lock().remove(&(due, id));
        drop(removed);
    }

    /// At most `most` entries that are due.
    pub(super) fn take_due(&self, now: Boot, most: usize) -> Vec<Due> {
        let mut entries = self.lock();
        let mut due = Vec::new();
        while due.len() < most
            && let Some(first) = entries.first_entry()
            && first.key().0 <= now
        {
            due.push(first.remove());
        }
        due
    }

    pub(super) fn next(&self) -> Option<Boot> {
        self.lock().first_key_value().map(|((due, _), _)| *due)
    }

    pub(super) fn take_all(&self) -> Entries {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
