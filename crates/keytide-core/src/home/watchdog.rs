//! The watch over homes, and the clock of waiters: a thread that lives only while there is something to watch.
//!
//! It runs no code of a user, so that a provider which blocks the home's thread cannot hold up a reader's patience, nor a waker
//! the patience of another: what is due is woken by the ringers.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keytide_fork::PerProcess;

use super::alarm::Alarm;
use super::runtime::Home;
use crate::sync::ringers;
use crate::sys;

/// A forked child has a watchdog of its own: the thread of its parent's is not there.
static POST: PerProcess<Post> = PerProcess::new();

#[derive(Default)]
struct Post {
    watchdog: Mutex<Watchdog>,
    called: Condvar,
}

#[derive(Default)]
struct Watchdog {
    /// Whether its thread keeps watch.
    on_duty: bool,
    alarms: BTreeMap<(Instant, u64), Arc<Alarm>>,
    homes: Vec<Watched>,
    /// When homes were last looked at.
    looked: Option<Instant>,
}

struct Watched {
    home: Arc<Home>,
    asked: Instant,
    /// How many looks have found the same question unanswered.
    silent: u32,
}

/// Rings `alarm` at `due`. Taken back by [`cancel`]. Returns false where no thread can be had that would ring it.
#[must_use]
pub(crate) fn set(due: Instant, id: u64, alarm: Arc<Alarm>) -> bool {
    let mut watchdog = on_duty();
    let kept = watchdog.on_duty;
    if kept {
        watchdog.alarms.insert((due, id), alarm);
    }
    drop(watchdog);
    POST.get().called.notify_one();
    kept
}

pub(crate) fn cancel(due: Instant, id: u64) {
    let cancelled = post().alarms.remove(&(due, id));
    drop(cancelled);
}

/// Looks after `home` for as long as flights run there.
pub(super) fn watch(home: &Arc<Home>) {
    if cfg!(keytide_shuttle) {
        // No thread of the operating system may touch what a model explores.
        return;
    }
    if !home.is_judged() {
        // Nothing is held against it: its time is not ours, and a wake from another thread would disturb that.
        return;
    }
    post_at(home);
}

/// Has those who live in `home` moved, for it is dead.
pub(super) fn clear(home: &Arc<Home>) {
    if !cfg!(keytide_shuttle) {
        post_at(home);
    }
}

fn post_at(home: &Arc<Home>) {
    let mut watchdog = on_duty();
    let known = |watched: &Watched| Arc::ptr_eq(&watched.home, home);
    if watchdog.homes.iter().any(known) {
        return;
    }
    home.ask();
    let now = sys::monotonic();
    let first = watchdog.homes.is_empty();
    if first {
        watchdog.looked = Some(now);
    }
    watchdog.homes.push(Watched {
        home: Arc::clone(home),
        asked: now,
        silent: 0,
    });
    drop(watchdog);
    if first {
        POST.get().called.notify_one();
    }
}

/// The watchdog, with its thread running. Where no thread can be had, the next call tries again.
fn on_duty() -> MutexGuard<'static, Watchdog> {
    let mut watchdog = post();
    if !watchdog.on_duty {
        let started = std::thread::Builder::new()
            .name("keytide-watcher".to_owned())
            .spawn(keep_watch);
        watchdog.on_duty = started.is_ok();
    }
    watchdog
}

fn keep_watch() {
    let mut watchdog = post();
    let mut last_busy = sys::monotonic();
    loop {
        let now = sys::monotonic();
        drop(watchdog);
        let next_row = ringers::look(now);
        watchdog = ring_due(post(), now);
        watchdog = inspect(watchdog, now);
        if next_row.is_some() || !watchdog.alarms.is_empty() || !watchdog.homes.is_empty() {
            last_busy = now;
        }
        let end = last_busy + LINGER;
        if now >= end {
            watchdog.on_duty = false;
            return;
        }
        let next_alarm = watchdog.alarms.first_key_value().map(|((due, _), _)| *due);
        let next_look = match watchdog.looked {
            Some(looked) if !watchdog.homes.is_empty() => looked + LOOK,
            _ => end,
        };
        let until = [next_alarm, next_row].into_iter().flatten();
        let until = until.fold(next_look, Instant::min);
        let rest = until.saturating_duration_since(sys::monotonic());
        watchdog = POST
            .get()
            .called
            .wait_timeout(watchdog, rest)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}

fn ring_due(
    mut watchdog: MutexGuard<'static, Watchdog>,
    now: Instant,
) -> MutexGuard<'static, Watchdog> {
    let mut due = Vec::new();
    while let Some(first) = watchdog.alarms.first_entry()
        && first.key().0 <= now
    {
        due.push(first.remove());
    }
    if due.is_empty() {
        return watchdog;
    }
    drop(watchdog);
    let wakers: Vec<_> = due.iter().filter_map(|alarm| alarm.mark()).collect();
    ringers::ring(wakers);
    // The waiters may be gone: what is left of their alarms is not dropped under the lock.
    drop(due);
    post()
}

fn inspect(
    mut watchdog: MutexGuard<'static, Watchdog>,
    now: Instant,
) -> MutexGuard<'static, Watchdog> {
    if watchdog.homes.is_empty() {
        watchdog.looked = None;
        return watchdog;
    }
    if watchdog.looked.is_some_and(|looked| now < looked + LOOK) {
        return watchdog;
    }
    watchdog.looked = Some(now);
    let mut homes = std::mem::take(&mut watchdog.homes);
    drop(watchdog);
    homes.retain_mut(|watched| {
        let home = &watched.home;
        if !home.answers() {
            watched.silent += 1;
            let for_long = now.saturating_duration_since(watched.asked) >= BLOCKED;
            return home.look(for_long && watched.silent >= LOOKS, now);
        }
        let more = home.look(false, now);
        if more {
            home.ask();
            watched.asked = now;
            watched.silent = 0;
        }
        more
    });
    let mut watchdog = post();
    for watched in homes {
        let known = |other: &Watched| Arc::ptr_eq(&other.home, &watched.home);
        if !watchdog.homes.iter().any(known) {
            watchdog.homes.push(watched);
        }
    }
    watchdog
}

fn post() -> MutexGuard<'static, Watchdog> {
    lock(&POST.get().watchdog)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often homes are looked at while flights run there.
const LOOK: Duration = Duration::from_millis(250);
/// How long a home may leave a question unanswered before it counts as blocked, or as not polled.
const BLOCKED: Duration = Duration::from_secs(1);
/// How many looks must have found it unanswered: a process that did not run for a while has blocked nobody.
const LOOKS: u32 = 4;
/// How long the thread stays when there is nothing left to watch.
const LINGER: Duration = Duration::from_secs(1);
