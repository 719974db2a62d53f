//! The wheel beside what it must do.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;

struct Cache;

/// Chance that is the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// The wheel, and what it must do: caches by the tick at which they are due, and their keys.
struct Pair {
    wheel: Wheel<Cache>,
    caches: Vec<Arc<Cache>>,
    set: BTreeMap<usize, (i64, TimerKey)>,
    now: i64,
}

impl Pair {
    fn new(caches: usize) -> Self {
        Self {
            wheel: Wheel::default(),
            caches: (0..caches).map(|_| Arc::new(Cache)).collect(),
            set: BTreeMap::new(),
            now: 0,
        }
    }

    fn cache(&self, which: usize) -> Weak<Cache> {
        Arc::downgrade(&self.caches[which])
    }

    fn set(&mut self, which: usize, due: i64) {
        let cache = self.cache(which);
        self.unset(which);
        let key = self.wheel.insert(Boot(due), cache);
        self.set.insert(which, (due, key));
    }

    fn unset(&mut self, which: usize) {
        if let Some((due, key)) = self.set.remove(&which) {
            let removed = self.wheel.remove(key, &self.cache(which));
            let (was_due, removed) = removed.unwrap();
            assert!(removed.ptr_eq(&self.cache(which)) && was_due == Boot(due));
        }
    }

    /// Whoever is due is taken, and nobody else; the next look is early enough.
    fn go_on_to(&mut self, now: i64) {
        self.now = now;
        let mut taken = Vec::new();
        loop {
            let due = self.wheel.take_due(Boot(now), 3);
            assert!(due.len() <= 3);
            let next = self.wheel.next();
            if due.is_empty() && next.is_none_or(|next| next > Boot(now)) {
                break;
            }
            taken.extend(due);
        }
        let known = |cache: &Weak<Cache>| {
            let is_it = |which: &usize| self.cache(*which).ptr_eq(cache);
            (0..self.caches.len()).find(is_it).unwrap()
        };
        let mut taken: Vec<_> = taken.iter().map(known).collect();
        taken.sort_unstable();
        let due = self.set.iter().filter(|(_, (due, _))| *due <= now);
        let due: Vec<_> = due.map(|(which, _)| *which).collect();
        assert_eq!(taken, due, "at {now}");
        self.set.retain(|which, _| !due.contains(which));
        let first = self.set.values().map(|(due, _)| *due).min();
        let next = self.wheel.next().map(|next| next.0);
        assert_eq!(next.is_some(), first.is_some());
        assert!(next <= first);
        assert_eq!(self.wheel.used, self.set.len());
    }
}

#[test]
fn whoever_is_due_is_taken_whatever_was_set_before_and_taken_back() {
    let rounds = if cfg!(miri) { 40 } else { 20_000 };
    for seed in 1..=3 {
        let (mut pair, mut dice) = (Pair::new(40), Dice(seed));
        for _ in 0..rounds {
            // From a part of a tick to centuries: each level, and the bounds between them.
            let digits = dice.below(56);
            let span = dice.below(1 << digits) as i64;
            let which = dice.below(40) as usize;
            match dice.below(9) {
                0 => pair.go_on_to(pair.now.saturating_add(span >> 8)),
                1 => pair.unset(which),
                2 => {
                    let next = pair.wheel.next();
                    pair.go_on_to(next.map_or(pair.now, |next| next.0.max(pair.now)));
                }
                3 => pair.set(which, pair.now.saturating_sub(span).max(0)),
                _ => pair.set(which, pair.now.saturating_add(span)),
            }
        }
    }
}

#[test]
fn a_crowd_in_one_slot_is_spread_in_parts_and_taken_whole() {
    let mut pair = Pair::new(if cfg!(miri) { 300 } else { 1_500 });
    let (hour, tick) = (3_600_000 * 1_000_000_i64, 1_000_000);
    for which in 0..pair.caches.len() {
        pair.set(which, hour + (which % 7) as i64 * tick);
    }

    let begin = pair.wheel.next().unwrap();
    assert!(begin < Boot(hour), "of so many the slot's begin is said");
    assert!(pair.wheel.take_due(begin, 3).is_empty());
    assert_eq!(pair.wheel.next(), Some(begin), "there is more to spread");
    // Of what is not spread yet something is taken back, and to what is, something is added.
    pair.unset(0);
    pair.set(1, begin.0);
    for now in [begin.0, hour - tick, hour, hour + 3 * tick, hour + 6 * tick] {
        pair.go_on_to(now);
    }

    assert!(pair.set.is_empty());
    assert_eq!(pair.wheel.entries.capacity(), 0, "its memory is given back");
}

#[test]
fn of_a_few_it_is_said_when_the_first_is_due() {
    let mut pair = Pair::new(2);
    pair.set(0, 3_600_000_000_000);
    pair.set(1, 3_600_000_000_001);

    for due in [3_600_000_000_000, 3_600_000_000_001] {
        assert_eq!(pair.wheel.next(), Some(Boot(due)));
        pair.go_on_to(due - 1);
        pair.go_on_to(due);
    }
}

#[test]
fn a_key_finds_nothing_of_another_cache() {
    let mut pair = Pair::new(2);
    pair.set(0, 5);
    let (_, old) = pair.set[&0];
    pair.go_on_to(1_000_000);
    pair.set(1, 2_000_000);

    assert_eq!(pair.set[&1].1, old, "the entry is used again");
    assert!(pair.wheel.remove(old, &pair.cache(0)).is_none());
    assert!(pair.wheel.remove(TimerKey::NONE, &pair.cache(1)).is_none());
    pair.unset(1);
}

#[test]
fn after_a_clock_went_back_nothing_is_early_or_late() {
    let mut pair = Pair::new(3);
    pair.set(0, 90_000_000_000);
    pair.go_on_to(60_000_000_000);

    // In the lowest level, as seen from there.
    pair.set(1, 60_010_000_000);
    pair.go_on_to(10_000_000_000);
    pair.set(2, 20_000_000_000);

    for now in [20_000_000_000, 60_010_000_000, 90_000_000_000] {
        assert_eq!(pair.wheel.next(), Some(Boot(now)));
        pair.go_on_to(now - 1_000_000);
        pair.go_on_to(now);
    }
}

#[test]
fn an_entry_takes_thirty_two_bytes() {
    assert_eq!(size_of::<Entry<dyn Send>>(), 4 * size_of::<usize>());
}

#[test]
fn every_instant_has_a_place() {
    let mut wheel = Wheel::default();
    for due in [i64::MIN, -1, 0, 1, i64::MAX - 1, i64::MAX] {
        let _ = wheel.insert(Boot(due), Weak::<Cache>::new());
    }

    assert_eq!(wheel.take_due(Boot(-1), 9).len(), 3);
    assert_eq!(wheel.take_due(Boot(i64::MAX - 1), 9).len(), 2);
    assert_eq!(wheel.next(), Some(Boot(i64::MAX)));
    assert_eq!(wheel.take_due(Boot(i64::MAX), 9).len(), 1);
}
