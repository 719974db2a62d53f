//! The only shared state of readers: one pointer, swapped whole. The only file that names `arc_swap`.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

use crate::credential::Credential;
use crate::sync::step;

/// The credential that is current, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Slot(ArcSwapOption<Credential>);

impl Slot {
    #[inline]
    pub(crate) fn load(&self) -> Borrowed {
        step();
        Borrowed(self.0.load())
    }

    /// When this has returned, no load that starts later gives the former credential, and every reader that holds it
    /// has a reference of its own. The former one is the caller's to drop.
    pub(crate) fn swap(&self, credential: Option<Arc<Credential>>) -> Option<Arc<Credential>> {
        step();
        self.0.swap(credential)
    }
}

/// A list that only grows, by a few: read and written without a lock.
#[derive(Debug)]
pub(crate) struct Grown<T>(ArcSwapOption<Vec<T>>);

impl<T: Copy + PartialEq> Grown<T> {
    pub(crate) const fn new() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// Where this value stands, appended if it does not stand there yet.
    pub(crate) fn place_of(&self, value: T) -> usize {
        let place = |all: &Vec<T>| all.iter().position(|known| *known == value);
        loop {
            let known = self.0.load_full();
            let all = known.as_deref();
            if let Some(place) = all.and_then(place) {
                return place;
            }
            let mut more = all.cloned().unwrap_or_default();
            more.push(value);
            let last = more.len() - 1;
            let former = self.0.compare_and_swap(&known, Some(Arc::new(more)));
            let unchanged = match (&*former, &known) {
                (Some(former), Some(known)) => Arc::ptr_eq(former, known),
                (former, known) => former.is_none() && known.is_none(),
            };
            if unchanged {
                return last;
            }
        }
    }

    pub(crate) fn get(&self, place: usize) -> Option<T> {
        self.0.load().as_ref()?.get(place).copied()
    }
}

/// A value that is read often and swapped seldom.
#[derive(Debug)]
pub(crate) struct Swap<T>(ArcSwap<T>);

impl<T> Swap<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(ArcSwap::new(value))
    }

    pub(crate) fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        self.0.store(value);
    }
}

/// A borrowed credential. Short-lived: from the ninth on a thread each costs a reference count.
pub(crate) struct Borrowed(Guard<Option<Arc<Credential>>>);

impl Borrowed {
    #[inline]
    pub(crate) fn get(&self) -> Option<&Credential> {
        self.0.as_deref()
    }

    #[inline]
    pub(crate) fn into_owned(self) -> Option<Arc<Credential>> {
        Guard::into_inner(self.0)
    }
}

/// What a per-task handle remembers between its reads, so that most cost one comparison of pointers.
pub(crate) struct Parked<T: AsRef<Slot>>(
    Option<arc_swap::Cache<SlotOf<T>, Option<Arc<Credential>>>>,
    T,
);

impl<T: AsRef<Slot> + Clone> Parked<T> {
    pub(crate) fn new(owner: T) -> Self {
        Self(None, owner)
    }

    #[inline]
    pub(crate) fn load(&mut self) -> Option<&Arc<Credential>> {
        step();
        let owner = &self.1;
        self.0
            .get_or_insert_with(|| arc_swap::Cache::new(SlotOf(owner.clone())))
            .load()
            .as_ref()
    }

    pub(crate) fn release(&mut self) {
        self.0 = None;
    }
}

struct SlotOf<T>(T);

impl<T: AsRef<Slot>> std::ops::Deref for SlotOf<T> {
    type Target = ArcSwapOption<Credential>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0.as_ref().0
    }
}
