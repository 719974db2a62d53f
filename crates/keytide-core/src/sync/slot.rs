//! The only shared state of readers: one pointer, swapped whole. The only file that names `arc_swap`.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

use crate::sync::step;

/// What is current, if there is anything.
#[derive(Debug)]
pub(crate) struct Slot<T>(ArcSwapOption<T>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(ArcSwapOption::const_empty())
    }
}

impl<T> Slot<T> {
    #[inline]
    pub(crate) fn load(&self) -> Borrowed<T> {
        step();
        Borrowed(self.0.load())
    }

    /// When this has returned, no load that starts later gives what was there, and every reader that holds it
    /// has a reference of its own. What was there is the caller's to drop.
    pub(crate) fn swap(&self, value: Option<Arc<T>>) -> Option<Arc<T>> {
        step();
        self.0.swap(value)
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

    /// For a look.
    pub(crate) fn peek(&self) -> Peeked<T> {
        Peeked(self.0.load())
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        self.0.store(value);
    }
}

/// What is looked at. Short-lived, as what is borrowed from a slot.
pub(crate) struct Peeked<T>(Guard<Arc<T>>);

impl<T> Deref for Peeked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What is borrowed from a slot. Short-lived: from the ninth on a thread each costs a reference count.
pub(crate) struct Borrowed<T>(Guard<Option<Arc<T>>>);

impl<T> Borrowed<T> {
    /// What is borrowed from an empty slot.
    pub(crate) fn nothing() -> Self {
        Self(Guard::from_inner(None))
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    #[inline]
    pub(crate) fn into_owned(self) -> Option<Arc<T>> {
        Guard::into_inner(self.0)
    }
}

/// What a per-task handle remembers between its reads, so that most cost one comparison of pointers.
pub(crate) struct Parked<O, T>(Option<Cached<O, T>>, O)
where
    O: AsRef<Slot<T>>;

impl<O: AsRef<Slot<T>> + Clone, T> Parked<O, T> {
    pub(crate) fn new(owner: O) -> Self {
        Self(None, owner)
    }

    #[inline]
    pub(crate) fn load(&mut self) -> Option<&Arc<T>> {
        step();
        if self.0.is_none() {
            self.park();
        }
        self.0.as_mut()?.load().as_ref()
    }

    /// For the first read since the handle was made, or released.
    #[cold]
    fn park(&mut self) {
        let slot = SlotOf(self.1.clone(), PhantomData);
        self.0 = Some(arc_swap::Cache::new(slot));
    }

    pub(crate) fn release(&mut self) {
        self.0 = None;
    }
}

type Cached<O, T> = arc_swap::Cache<SlotOf<O, T>, Option<Arc<T>>>;

struct SlotOf<O, T>(O, PhantomData<fn() -> T>);

impl<O: AsRef<Slot<T>>, T> Deref for SlotOf<O, T> {
    type Target = ArcSwapOption<T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0.as_ref().0
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const ROUNDS: u64 = if cfg!(miri) { 12 } else { 20_000 };

    /// One value in two forms.
    struct Value {
        number: u64,
        text: String,
    }

    fn value(number: u64) -> Arc<Value> {
        let text = format!("value-{number}");
        Arc::new(Value { number, text })
    }

    /// Its number, if it is whole.
    fn whole(value: &Value) -> u64 {
        assert_eq!(value.text, format!("value-{}", value.number));
        value.number
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Slot<Value>>);

    impl AsRef<Slot<Value>> for Kept {
        fn as_ref(&self) -> &Slot<Value> {
            &self.0
        }
    }

    #[test]
    fn readers_of_all_sorts_find_each_number_whole_and_none_after_a_newer_one() {
        let slot = Kept::default();

        thread::scope(|scope| {
            for _ in 0..2 {
                let slot = slot.clone();
                scope.spawn(move || {
                    let mut parked = Parked::new(slot.clone());
                    let mut seen = 0;
                    while seen < ROUNDS {
                        for found in [
                            slot.0.load().get().map(whole),
                            parked.load().map(|value| whole(value)),
                            slot.0.load().into_owned().as_deref().map(whole),
                        ] {
                            let number = found.unwrap_or(0);
                            assert!(number >= seen, "{number} after {seen}");
                            seen = number;
                        }
                        thread::yield_now();
                    }
                });
            }
            for number in 1..=ROUNDS {
                let former = slot.0.swap(Some(value(number)));
                assert_eq!(former.as_deref().map_or(0, whole), number - 1);
            }
        });
    }

    #[test]
    fn what_is_borrowed_stays_whole_across_swaps_and_goes_with_its_borrower() {
        let slot = Slot::default();
        drop(slot.swap(Some(value(1))));
        let borrowed: Vec<_> = (0..10).map(|_| slot.load()).collect();

        let former = slot.swap(Some(value(2))).unwrap();
        drop(slot.swap(None));

        for borrowed in &borrowed {
            assert_eq!(borrowed.get().map(whole), Some(1));
        }
        assert!(slot.load().get().is_none());
        assert!(Arc::strong_count(&former) > 1);
        drop(borrowed);
        assert_eq!(Arc::strong_count(&former), 1);
    }

    #[test]
    fn what_is_parked_is_kept_until_it_is_read_anew_or_released() {
        let slot = Kept::default();
        drop(slot.0.swap(Some(value(1))));
        let mut parked = Parked::new(slot.clone());
        assert_eq!(parked.load().map(|found| whole(found)), Some(1));

        let first = slot.0.swap(Some(value(2))).unwrap();
        assert_eq!(Arc::strong_count(&first), 2, "it is parked");
        assert_eq!(parked.load().map(|found| whole(found)), Some(2));
        assert_eq!(Arc::strong_count(&first), 1);

        let second = slot.0.swap(None).unwrap();
        parked.release();
        assert_eq!(Arc::strong_count(&second), 1);
        assert!(parked.load().is_none());
    }

    #[test]
    fn a_value_has_one_place_whoever_asks_first() {
        for _ in 0..ROUNDS / 4 {
            let grown = Grown::<usize>::new();

            let places = thread::scope(|scope| {
                let grown = &grown;
                let ask =
                    |start: usize| move || [0, 1, 2].map(|add| grown.place_of((start + add) % 3));
                let asked = [0, 1, 2].map(|start| scope.spawn(ask(start)));
                asked.map(|asked| asked.join().unwrap())
            });

            for (start, places) in places.iter().enumerate() {
                for (add, place) in places.iter().enumerate() {
                    assert_eq!(grown.get(*place), Some((start + add) % 3));
                }
            }
            assert_eq!(grown.get(3), None);
        }
    }
}
