//! A hierarchical timing wheel: a timer is set and taken back in a few steps, however many there are.
//!
//! After Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987). A tree in the order of the instants has a first
//! load search the memory that a hundred thousand timers fill, which took a fifth of its time.

use std::sync::Weak;

use super::resident::Resident;
use crate::sys::time::Boot;

/// When caches are due, in ticks.
///
/// An entry is in the level of the highest digit, to the base of [`SLOTS`], in which its tick differs from the first one that
/// is not over, in the slot of that digit. So all of a level is due before all of the next, and a slot before the next slot.
pub(super) struct Wheel {
    /// The first tick that is not over: no entry is before it.
    base: u64,
    levels: [Level; LEVELS],
    /// A slot that is being spread over the levels below it: what is left in it may be due before what is there.
    spreading: Option<SlotId>,
    /// In chunks, for what grows whole is copied, and has room for a quarter more.
    entries: Vec<Vec<Entry>>,
    /// The entry that was given back last.
    free: u32,
    used: usize,
}

/// An entry, for who made it. Once the entry is taken it stands for none, or for one of another cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimerKey(u32);

#[derive(Default)]
struct Level {
    /// A bit for each slot that holds something.
    occupied: u64,
    slots: Option<Box<[Vec<u32>; SLOTS]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SlotId {
    level: u8,
    slot: u8,
}

struct Entry {
    tick: u64,
    /// `None`: it was given back.
    cache: Option<Weak<dyn Resident>>,
    place: SlotId,
    /// Where in its slot. Of one that was given back: the one that was given back before it.
    index: u32,
}

impl TimerKey {
    /// Of no entry.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

impl Default for TimerKey {
    fn default() -> Self {
        Self::NONE
    }
}

impl Default for Wheel {
    fn default() -> Self {
        Self {
            base: 0,
            levels: Default::default(),
            spreading: None,
            entries: Vec::new(),
            free: TimerKey::NONE.0,
            used: 0,
        }
    }
}

impl Wheel {
    /// Has `cache` taken once `due` has come, at the latest a tick later.
    pub(super) fn insert(&mut self, due: Boot, cache: Weak<dyn Resident>) -> TimerKey {
        let entry = Entry {
            tick: tick(due).max(self.base),
            cache: Some(cache),
            place: SlotId { level: 0, slot: 0 },
            index: 0,
        };
        let key = self.free;
        let key = match self.entry(key) {
            Some(free) => {
                let before = free.index;
                *free = entry;
                self.free = before;
                key
            }
            None => self.push(entry),
        };
        self.used += 1;
        self.put(key);
        TimerKey(key)
    }

    /// Takes an entry back, if it is there still.
    pub(super) fn remove(
        &mut self,
        key: TimerKey,
        cache: &Weak<dyn Resident>,
    ) -> Option<Weak<dyn Resident>> {
        let entry = self.entry(key.0)?;
        if !entry.cache.as_ref()?.ptr_eq(cache) {
            return None;
        }
        let (place, index) = (entry.place, entry.index as usize);
        let slot = self.slot(place);
        slot.swap_remove(index);
        if let Some(&moved) = slot.get(index) {
            self.known(moved).index = index as u32;
        }
        self.emptied(place);
        self.give_back(key.0)
    }

    /// Takes what is due: at most `most` entries, and none where so many had to be spread that there will be time for others
    /// in between.
    pub(super) fn take_due(&mut self, now: Boot, most: usize) -> Vec<Weak<dyn Resident>> {
        let now = u64::try_from(now.0).unwrap_or(0) / TICK;
        if now < self.base {
            self.turn_back(now);
        }
        let (mut due, mut spread) = (Vec::new(), 0);
        while let Some(place) = self.first() {
            let start = self.start(place);
            if start > now {
                self.base = now;
                break;
            }
            self.base = self.base.max(start);
            if due.len() == most || spread == AT_ONCE {
                break;
            }
            let key = self.slot(place).pop();
            if place.level > 0 {
                self.spreading = Some(place);
            }
            self.emptied(place);
            let Some(key) = key else { continue };
            if place.level == 0 {
                due.extend(self.give_back(key));
            } else {
                spread += 1;
                self.put(key);
            }
        }
        due
    }

    /// A user's clock went back: what is due is reckoned from there.
    fn turn_back(&mut self, now: u64) {
        self.base = now;
        self.spreading = None;
        self.levels = Default::default();
        for chunk in 0..self.entries.len() {
            for index in 0..self.entries[chunk].len() {
                if self.entries[chunk][index].cache.is_some() {
                    self.put((chunk * CHUNK + index) as u32);
                }
            }
        }
    }

    /// When to look next: not after the first entry is due.
    pub(super) fn next(&self) -> Option<Boot> {
        let place = self.first()?;
        let slot = self.levels[usize::from(place.level)].slots.as_ref()?;
        let keys = &slot[usize::from(place.slot)];
        let tick = if keys.len() > AT_A_GLANCE {
            self.start(place).max(self.base)
        } else {
            let ticks = keys
                .iter()
                .map(|key| self.entries[*key as usize / CHUNK][*key as usize % CHUNK].tick);
            ticks.min()?
        };
        Some(Boot(
            i64::try_from(tick.saturating_mul(TICK)).unwrap_or(i64::MAX),
        ))
    }

    /// Takes all.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Weak<dyn Resident>> + use<> {
        let all = std::mem::take(self);
        self.base = all.base;
        let entries = all.entries.into_iter().flatten();
        entries.filter_map(|entry| entry.cache)
    }

    /// Where the first entry is, or entries that may be.
    fn first(&self) -> Option<SlotId> {
        self.spreading.or_else(|| {
            let level = self.levels.iter().position(|level| level.occupied != 0)?;
            Some(SlotId {
                level: level as u8,
                slot: self.levels[level].occupied.trailing_zeros() as u8,
            })
        })
    }

    /// The first tick of a slot.
    fn start(&self, place: SlotId) -> u64 {
        let shift = BITS * u32::from(place.level);
        let above = self.base.checked_shr(shift + BITS).unwrap_or(0) << BITS;
        (above | u64::from(place.slot)) << shift
    }

    /// Puts an entry where it belongs as seen from the base.
    fn put(&mut self, key: u32) {
        let tick = self.known(key).tick;
        let differs = (tick ^ self.base) | 1;
        let level = differs.ilog2() / BITS;
        let slot = (tick >> (BITS * level)) as usize % SLOTS;
        let place = SlotId {
            level: level as u8,
            slot: slot as u8,
        };
        self.levels[level as usize].occupied |= 1 << slot;
        let keys = self.slot(place);
        keys.push(key);
        let index = keys.len() as u32 - 1;
        let entry = self.known(key);
        (entry.place, entry.index) = (place, index);
    }

    fn slot(&mut self, place: SlotId) -> &mut Vec<u32> {
        let level = &mut self.levels[usize::from(place.level)];
        let slots = level
            .slots
            .get_or_insert_with(|| Box::new([const { Vec::new() }; SLOTS]));
        &mut slots[usize::from(place.slot)]
    }

    /// Marks a slot as empty, if it is.
    fn emptied(&mut self, place: SlotId) {
        let slot = self.slot(place);
        if slot.is_empty() {
            *slot = Vec::new();
            self.levels[usize::from(place.level)].occupied &= !(1 << place.slot);
            if self.spreading == Some(place) {
                self.spreading = None;
            }
        }
    }

    fn entry(&mut self, key: u32) -> Option<&mut Entry> {
        let key = key as usize;
        self.entries.get_mut(key / CHUNK)?.get_mut(key % CHUNK)
    }

    /// An entry that is there: its key was found in a slot.
    fn known(&mut self, key: u32) -> &mut Entry {
        let key = key as usize;
        &mut self.entries[key / CHUNK][key % CHUNK]
    }

    fn push(&mut self, entry: Entry) -> u32 {
        if self.entries.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.entries.push(Vec::with_capacity(CHUNK));
        }
        let chunk = self.entries.len() - 1;
        self.entries[chunk].push(entry);
        // Caches are numbered in 32 bits, and have one entry each.
        (chunk * CHUNK + self.entries[chunk].len() - 1) as u32
    }

    fn give_back(&mut self, key: u32) -> Option<Weak<dyn Resident>> {
        let before = std::mem::replace(&mut self.free, key);
        let entry = self.known(key);
        entry.index = before;
        let cache = entry.cache.take();
        self.used -= 1;
        if self.used == 0 {
            self.entries = Vec::new();
            self.free = TimerKey::NONE.0;
        }
        cache
    }
}

/// The tick at whose begin `due` has come.
fn tick(due: Boot) -> u64 {
    u64::try_from(due.0).unwrap_or(0).div_ceil(TICK)
}

/// A millisecond, as that of tokio's timers.
const TICK: u64 = 1_000_000;
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const CHUNK: usize = 64;
/// Enough for every instant: 2^48 ticks are nine thousand years.
const LEVELS: usize = 8;
/// So many entries are looked at to say when the first is due. Of more only the slot's begin is said.
const AT_A_GLANCE: usize = 64;
/// So many entries are spread before the lock is released in between.
const AT_ONCE: usize = 256;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::identity::InstanceId;
    use crate::sys::time::Now;

    struct Cache;

    impl Resident for Cache {
        fn agent(&self) -> InstanceId {
            InstanceId::drawn(1)
        }

        fn due(self: Arc<Self>, _: Now) {}

        fn stepped(self: Arc<Self>, _: Now) {}

        fn rehome(self: Arc<Self>) {}

        fn tell_step(&self, _: std::time::Duration, _: bool) {}

        fn home_blocked(&self, _: Option<&'static str>) {}
    }

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
        wheel: Wheel,
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

        fn cache(&self, which: usize) -> Weak<dyn Resident> {
            let weak: Weak<Cache> = Arc::downgrade(&self.caches[which]);
            weak
        }

        fn set(&mut self, which: usize, due: i64) {
            let cache = self.cache(which);
            self.unset(which);
            let key = self.wheel.insert(Boot(due), cache);
            self.set.insert(which, (due, key));
        }

        fn unset(&mut self, which: usize) {
            if let Some((_, key)) = self.set.remove(&which) {
                let removed = self.wheel.remove(key, &self.cache(which));
                assert!(removed.is_some_and(|removed| removed.ptr_eq(&self.cache(which))));
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
            let known = |cache: &Weak<dyn Resident>| {
                let is_it = |which: &usize| self.cache(*which).ptr_eq(cache);
                (0..self.caches.len()).find(is_it).unwrap()
            };
            let mut taken: Vec<_> = taken.iter().map(known).collect();
            taken.sort_unstable();
            let whole = |due: i64| u64::try_from(due).unwrap().div_ceil(TICK);
            let is_due = |due: i64| whole(due) <= u64::try_from(now).unwrap() / TICK;
            let due = self.set.iter().filter(|(_, (due, _))| is_due(*due));
            let due: Vec<_> = due.map(|(which, _)| *which).collect();
            assert_eq!(taken, due, "at {now}");
            self.set.retain(|which, _| !due.contains(which));
            let first = self.set.values().map(|(due, _)| whole(*due)).min();
            let next = self.wheel.next().map(|next| next.0 as u64 / TICK);
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

        assert_eq!(pair.wheel.next(), Some(Boot(3_600_000_000_000)));
        pair.go_on_to(3_600_000_000_000);
        assert_eq!(
            pair.wheel.next(),
            Some(Boot(3_600_001_000_000)),
            "a tick later at most"
        );
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
        assert_eq!(size_of::<Entry>(), 4 * size_of::<usize>());
    }

    #[test]
    fn every_instant_has_a_place() {
        let mut wheel = Wheel::default();
        for due in [i64::MIN, -1, 0, 1, i64::MAX - 1, i64::MAX] {
            let _ = wheel.insert(Boot(due), Weak::<Cache>::new());
        }

        assert_eq!(wheel.take_due(Boot(-1), 9).len(), 3);
        assert_eq!(wheel.take_due(Boot(i64::MAX), 9).len(), 1);
        assert_eq!(wheel.next(), Some(Boot(i64::MAX)), "in a part of a tick");
    }
}
