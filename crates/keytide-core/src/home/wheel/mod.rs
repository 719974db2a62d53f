//! A hierarchical timing wheel: a timer is set and taken back in a few steps, however many there are.
//!
//! After Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987). A tree in the order of the instants has a first
//! load search the memory that a hundred thousand timers fill, which took a fifth of its time.

#[cfg(test)]
mod tests;

use std::sync::Weak;

use crate::sys::time::Boot;

/// When caches are due.
///
/// An instant falls into a tick. An entry is in the level of the highest digit, to the base of [`SLOTS`], in which its tick
/// differs from the first one that is not over, in the slot of that digit. So all of a level is due before all of the next, and
/// a slot before the next slot; within a tick each entry is looked at.
pub(super) struct Wheel<R: ?Sized> {
    /// The first tick that is not over: no entry is before it.
    base: u64,
    levels: [Level; LEVELS],
    /// A slot that is being spread over the levels below it: what is left in it may be due before what is there.
    spreading: Option<SlotId>,
    /// In chunks, for what grows whole is copied, and has room for a quarter more.
    entries: Vec<Vec<Entry<R>>>,
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

struct Entry<R: ?Sized> {
    /// In nanoseconds of the boot clock.
    due: u64,
    /// `None`: it was given back.
    cache: Option<Weak<R>>,
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

impl<R: ?Sized> Default for Wheel<R> {
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

impl<R: ?Sized> Wheel<R> {
    /// Has `cache` taken once `due` has come.
    pub(super) fn insert(&mut self, due: Boot, cache: Weak<R>) -> TimerKey {
        let entry = Entry {
            due: u64::try_from(due.0).unwrap_or(0),
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

    /// Takes an entry back, if it is there still, and says when it would have been due.
    pub(super) fn remove(&mut self, key: TimerKey, cache: &Weak<R>) -> Option<(Boot, Weak<R>)> {
        let entry = self.entry(key.0)?;
        if !entry.cache.as_ref()?.ptr_eq(cache) {
            return None;
        }
        let (place, due) = (entry.place, instant(entry.due));
        let removed = self.take(key.0);
        self.emptied(place);
        Some((due, removed?))
    }

    /// Takes an entry out of its slot.
    fn take(&mut self, key: u32) -> Option<Weak<R>> {
        let Entry { place, index, .. } = *self.known(key);
        let slot = self.slot(place);
        slot.swap_remove(index as usize);
        if let Some(&moved) = slot.get(index as usize) {
            self.known(moved).index = index;
        }
        self.give_back(key)
    }

    /// Takes what is due: at most `most` entries, and none where so many had to be spread that there will be time for others
    /// in between.
    pub(super) fn take_due(&mut self, now: Boot, most: usize) -> Vec<Weak<R>> {
        let now = u64::try_from(now.0).unwrap_or(0);
        let tick = now / TICK;
        if tick < self.base {
            self.turn_back(tick);
        }
        let (mut due, mut spread) = (Vec::new(), 0);
        while let Some(place) = self.first() {
            let start = self.start(place);
            if start > tick {
                self.base = tick;
                break;
            }
            self.base = self.base.max(start);
            if due.len() == most || spread == AT_ONCE {
                break;
            }
            if place.level > 0 {
                spread += 1;
                self.spreading = Some(place);
                if let Some(key) = self.slot(place).pop() {
                    self.put(key);
                }
            } else if let Some(key) = self.first_due(place, now) {
                due.extend(self.take(key));
            } else {
                break;
            }
            self.emptied(place);
        }
        due
    }

    /// An entry of a tick that is due.
    fn first_due(&self, tick: SlotId, now: u64) -> Option<u32> {
        let is_due = |key: &&u32| self.at(**key).due <= now;
        self.keys(tick).iter().rev().find(is_due).copied()
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
        let keys = self.keys(place);
        let due = if place.level > 0 && keys.len() > AT_A_GLANCE {
            self.start(place).max(self.base).saturating_mul(TICK)
        } else {
            keys.iter().map(|key| self.at(*key).due).min()?
        };
        Some(instant(due))
    }

    /// Takes all.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Weak<R>> + use<R> {
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
        // What was due before is due now.
        let tick = (self.known(key).due / TICK).max(self.base);
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

    fn keys(&self, place: SlotId) -> &[u32] {
        let slots = self.levels[usize::from(place.level)].slots.as_ref();
        slots.map_or(&[], |slots| &slots[usize::from(place.slot)])
    }

    fn at(&self, key: u32) -> &Entry<R> {
        let key = key as usize;
        &self.entries[key / CHUNK][key % CHUNK]
    }

    fn entry(&mut self, key: u32) -> Option<&mut Entry<R>> {
        let key = key as usize;
        self.entries.get_mut(key / CHUNK)?.get_mut(key % CHUNK)
    }

    /// An entry that is there: its key was found in a slot.
    fn known(&mut self, key: u32) -> &mut Entry<R> {
        let key = key as usize;
        &mut self.entries[key / CHUNK][key % CHUNK]
    }

    fn push(&mut self, entry: Entry<R>) -> u32 {
        if self.entries.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.entries.push(Vec::with_capacity(CHUNK));
        }
        let chunk = self.entries.len() - 1;
        self.entries[chunk].push(entry);
        // Caches are numbered in 32 bits, and have one entry each.
        (chunk * CHUNK + self.entries[chunk].len() - 1) as u32
    }

    fn give_back(&mut self, key: u32) -> Option<Weak<R>> {
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

fn instant(due: u64) -> Boot {
    Boot(i64::try_from(due).unwrap_or(i64::MAX))
}

/// A millisecond in nanoseconds, as that of tokio's timers.
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
