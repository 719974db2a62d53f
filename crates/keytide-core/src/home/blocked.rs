//! What is done about a home that does not answer: it is set aside, and nobody suffers for another.
//!
//! The watchdog only looks: what it finds is acted upon by a thread of its own, for a waker or a `drop` of a user's may
//! block that one too.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::calls::{self, Entry};
use super::queue::Due;
use super::runtime::{HELD, Home, Kind};
use super::{apart, own};
use crate::error::Error;
use crate::identity::InstanceId;
use crate::sync::ringers;

/// What the watchdog found in one look at a home.
struct Found {
    home: Arc<Home>,
    /// The provider whose code holds the thread.
    by: Option<&'static str>,
    /// The home was set aside just now.
    set_aside: bool,
    /// Whose timers it held.
    residents: Vec<Due>,
    /// Calls that have not begun.
    unpolled: Vec<u64>,
    /// Calls that hold their thread beyond their limit.
    overdue: Vec<u64>,
    /// Calls that have begun and are not waited for any more.
    behind: Vec<u64>,
    /// Whether those are made anew at the pace of other calls.
    paced: bool,
}

impl Home {
    /// Looks whether this home still serves who lives there. `silent`: it has not answered for a second. Returns whether
    /// there is more to look after.
    pub(super) fn look(self: &Arc<Self>, silent: bool, now: Instant) -> bool {
        let dead = self.is_dead();
        let mut silent = dead || (silent && self.is_judged());
        let mut found = Found::new(Arc::clone(self), self.culprit(now));
        if silent && !dead && !self.is_aside() {
            // Where no thread can be had, the next look tries again.
            silent = self.give_place();
            found.set_aside = silent;
            if silent
                && !self.is_apart()
                && found.by.is_none()
                && let Some(last) = self.calls.last()
            {
                apart::suspect(last);
            }
        }
        if silent && !self.is_apart() {
            found.residents = self.queue.close();
        }
        let more = found.survey(silent, now) || (!dead && !self.is_aside() && !self.answers());
        if found.is_worth_acting() {
            act_elsewhere(found);
        }
        more
    }

    /// Whose code holds the thread, and has for long.
    fn culprit(&self, now: Instant) -> Option<&'static str> {
        let running = self.calls.lock();
        let held = |entry: &&Arc<Entry>| entry.busy.held(now);
        let longest = running.entries.values().max_by_key(held)?;
        (longest.busy.held(now) >= HELD).then(|| longest.call.name())
    }

    /// What comes from now on goes elsewhere. Returns false when there is no elsewhere.
    fn give_place(self: &Arc<Self>) -> bool {
        match self.kind {
            Kind::Named if own::shared().is_err() => false,
            Kind::Common if self.clock.is_system() => own::replace(self),
            _ => {
                self.set_aside();
                true
            }
        }
    }
}

impl Found {
    fn new(home: Arc<Home>, by: Option<&'static str>) -> Self {
        // A runtime that nobody polls will not go on: what it began is made anew at once.
        let paced = home.kind != Kind::Named || by.is_some();
        Self {
            home,
            by,
            set_aside: false,
            residents: Vec::new(),
            unpolled: Vec::new(),
            overdue: Vec::new(),
            behind: Vec::new(),
            paced,
        }
    }

    /// Sorts the calls of the home. Returns whether any is still to be looked after.
    fn survey(&mut self, silent: bool, now: Instant) -> bool {
        let home = Arc::clone(&self.home);
        let blocked_for = home.blocked_since.get().map_or(Duration::ZERO, |since| {
            now.saturating_duration_since(*since)
        });
        let mut more = false;
        for entry in home.calls.lock().entries.values() {
            if entry.given_up.load(Ordering::Relaxed) {
                continue;
            }
            let age = now.saturating_duration_since(entry.busy.started);
            let overdue = home.clock.is_system() && age > entry.limit.saturating_add(BLOCKED);
            let blocks = entry.busy.held(now) >= HELD;
            let alone = home.is_apart();
            if (silent && (blocks || alone)) || (overdue && blocks) {
                entry.convict();
            }
            let list = if silent && entry.is_waiting() {
                &mut self.unpolled
            } else if overdue && (blocks || (silent && alone)) {
                &mut self.overdue
            } else if silent
                && !blocks
                && !alone
                && (overdue || blocked_for > PATIENCE || !self.paced)
            {
                &mut self.behind
            } else {
                more = true;
                continue;
            };
            list.push(entry.id);
        }
        more || !self.unpolled.is_empty()
    }

    fn is_worth_acting(&self) -> bool {
        self.set_aside
            || !self.residents.is_empty()
            || !self.unpolled.is_empty()
            || !self.overdue.is_empty()
            || !self.behind.is_empty()
    }

    /// Calls out to caches, and starts threads: not for the watchdog, where another can be had.
    fn act(self) {
        self.move_unpolled();
        if self.set_aside {
            self.tell_agents();
        }
        for entry in self.entries(&self.overdue) {
            if entry.given_up.swap(true, Ordering::Relaxed) {
                continue;
            }
            let limit = entry.limit;
            entry.call.fail(Error::unavailable(format!(
                "the provider blocked its thread beyond its limit of {limit:?}"
            )));
        }
        for entry in self.entries(&self.behind) {
            // The watchdog may have found it twice.
            if entry.given_up.swap(true, Ordering::Relaxed) {
                continue;
            }
            if let Some(cache) = entry.call.cache().filter(|_| self.paced) {
                // Whoever else is left behind with it, its next call is held up by none of them.
                apart::suspect(cache);
            }
            entry.call.orphan(self.by, self.paced);
        }
        for resident in self.residents {
            match resident {
                Due::Cache(cache) => {
                    if let Some(cache) = cache.upgrade() {
                        cache.rehome();
                    }
                }
                Due::Alarm(alarm) => ringers::ring(alarm.mark()),
            }
        }
    }

    fn entries(&self, ids: &[u64]) -> Vec<Arc<Entry>> {
        let running = self.home.calls.lock();
        let known = ids.iter().filter_map(|id| running.entries.get(id));
        known.map(Arc::clone).collect()
    }

    /// Calls that have not begun go to other threads: to ever more of them, for there may be blockers among them.
    fn move_unpolled(&self) {
        let waiting = self.entries(&self.unpolled);
        let mut homes = Vec::new();
        let (round, most) = match self.home.kind {
            Kind::Spare(round) => (round + 1, FAN_OUT.saturating_pow(round + 1)),
            _ => (1, FAN_OUT),
        };
        for (index, entry) in waiting.iter().enumerate() {
            let Some(load) = entry.take() else { continue };
            entry.given_up.store(true, Ordering::Relaxed);
            if self.home.is_apart() {
                entry.call.fail(apart::still_blocks());
                calls::discard(load);
                continue;
            }
            let cache = entry.call.cache();
            // The call before it may be the one that blocks.
            let home = match cache.and_then(|cache| apart::home_of(cache, &self.home.clock)) {
                Some(home) => home,
                None => {
                    if homes.len() < most.min(MOST_SPARES) {
                        homes.extend(own::start(
                            self.home.clock.clone(),
                            Kind::Spare(round),
                            |_| (),
                        ));
                    }
                    let spare = homes.get(index % homes.len().max(1)).cloned();
                    spare.map_or_else(own::shared, Ok)
                }
            };
            let carried = match home {
                Ok(home) => home.carry(&entry.call, load, entry.limit),
                Err(error) => {
                    entry.call.fail(error);
                    calls::discard(load);
                    continue;
                }
            };
            match carried {
                Ok(()) => entry.call.moved(self.by),
                Err(load) => {
                    // It ended in between, which a thread that was just started does not.
                    entry.call.orphan(self.by, false);
                    calls::discard(load);
                }
            }
        }
    }

    /// Tells each agent that has calls or timers here, once.
    fn tell_agents(&self) {
        let mut told: HashSet<InstanceId> = HashSet::new();
        let running = self.home.calls.lock();
        let calls: Vec<_> = running.entries.values().map(Arc::clone).collect();
        drop(running);
        for entry in calls {
            if told.insert(entry.call.agent()) {
                entry.call.home_blocked(self.by);
            }
        }
        for resident in &self.residents {
            if let Due::Cache(cache) = resident
                && let Some(cache) = cache.upgrade()
                && told.insert(cache.agent())
            {
                cache.home_blocked(self.by);
            }
        }
    }
}

impl Entry {
    /// From now on the cache's calls are polled on a thread of its own.
    fn convict(&self) {
        if !self.caught.swap(true, Ordering::Relaxed)
            && let Some(cache) = self.call.cache()
        {
            apart::caught(cache, &self.busy);
        }
    }
}

fn act_elsewhere(found: Found) {
    let cell = Arc::new(Mutex::new(Some(found)));
    let handed = Arc::clone(&cell);
    let act = |cell: &Mutex<Option<Found>>| {
        // A statement of its own: nothing is called under the lock.
        let found = cell.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(found) = found {
            found.act();
        }
    };
    let started = std::thread::Builder::new()
        .name("keytide-mover".to_owned())
        .spawn(move || act(&handed));
    if started.is_err() {
        act(&cell);
    }
}

/// What a call may exceed its limit by until it counts as one that holds its thread.
const BLOCKED: Duration = Duration::from_secs(1);
/// How long a call that has begun waits for a thread that another one blocks, before it is made anew elsewhere.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many threads take over what one that is blocked did not begin; as many again for each of those that is blocked.
const FAN_OUT: usize = 4;
/// The most of them, however many calls wait.
const MOST_SPARES: usize = 64;
