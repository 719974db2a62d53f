//! The loop that wakes caches when they are due.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use super::alarm::Alarm;
use super::queue::{Due, Inserted};
use super::resident::Timer;
use super::runtime::{Home, Kind};
use super::watchdog;
use super::wheel::TimerKey;
use crate::sync::sleep;
use crate::sys::time::{Boot, Now};

impl Home {
    /// Sets a timer. Gives it back when this home does not serve its cache.
    pub(super) fn schedule(self: &Arc<Self>, timer: Timer) -> Result<TimerKey, Timer> {
        if timer.late {
            watchdog::watch(self);
        }
        if timer.due == Boot::FAR {
            self.queue.remove(timer.former, &timer.cache);
            return Ok(TimerKey::NONE);
        }
        match self.queue.insert(timer.former, timer.due, timer.cache) {
            Ok(Inserted { key, is_first }) => {
                if is_first {
                    self.wake.notify_one();
                }
                Ok(key)
            }
            Err(cache) => Err(Timer { cache, ..timer }),
        }
    }

    /// Rings an alarm at `due`.
    pub(crate) fn schedule_alarm(&self, due: Boot, id: u64, alarm: Arc<Alarm>) {
        if self.queue.insert_alarm(due, id, alarm) {
            self.wake.notify_one();
        }
    }

    pub(crate) fn unschedule_alarm(&self, due: Boot, id: u64) {
        self.queue.remove_alarm(due, id);
    }

    /// Whether the last of what lived here is gone, tasks that users spawned included; if so, nothing comes any more.
    fn is_left(&self) -> bool {
        let has_tasks = self.kind != Kind::Named && self.handle.metrics().num_alive_tasks() > 0;
        // The calls that it was started for are still to come.
        let is_new = self.born.elapsed() < NEW;
        let left = !has_tasks && !is_new && self.calls.close_if_empty();
        if left {
            // Release: who finds it dead finds it closed for calls.
            self.dead.store(true, Ordering::Release);
        }
        left
    }

    /// The loop of a home: one for each, for as long as it lives.
    pub(super) async fn drive(self: Arc<Self>) {
        let mut offset = self.clock.now().offset();
        let mut patience = FIRST_LOOK_BACK;
        while !self.is_dead() {
            let asked = self.asked.load(Ordering::Relaxed);
            // Release: with the answer comes the question.
            self.answered.store(asked, Ordering::Release);
            if self.is_passing() && self.is_left() {
                break;
            }
            let now = self.clock.now();
            let step = now.offset().saturating_sub(offset);
            if step.unsigned_abs() > STEP.as_nanos() as u64 {
                offset = now.offset();
                self.reckon_anew(step).await;
                continue;
            }
            let due = self.queue.take_due(now.boot, BATCH);
            if due.is_empty() {
                let wait = self
                    .queue
                    .next()
                    .map_or(LONGEST_SLEEP, |due| now.boot.until(due));
                let mut longest = LONGEST_SLEEP;
                if self.is_passing() {
                    longest = patience;
                    patience = (patience * 2).min(LONGEST_SLEEP);
                }
                self.rest(wait.min(longest)).await;
                continue;
            }
            for entry in due {
                tell(entry, now);
            }
            tokio::task::yield_now().await;
        }
    }

    /// The wall clock stepped: every cache judges its credential and its timer anew.
    async fn reckon_anew(&self, step: i64) {
        let mut told = HashSet::new();
        for (count, cache) in self.queue.take_caches().enumerate() {
            if let Some(cache) = cache.upgrade() {
                if told.insert(cache.agent()) {
                    cache.tell_step(Duration::from_nanos(step.unsigned_abs()), step < 0);
                }
                cache.stepped(self.clock.now());
            }
            if count % BATCH == BATCH - 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn rest(&self, wait: Duration) {
        let mut woken = pin!(self.wake.notified());
        let mut slept = pin!(sleep(wait));
        poll_fn(|context| {
            if woken.as_mut().poll(context).is_ready() || slept.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }

    /// Starts the loop of a named home with its first flight or timer.
    pub(super) fn ensure_driven(self: &Arc<Self>) {
        if !self.driving.swap(true, Ordering::Relaxed) {
            // On a runtime that has ended, the task is dropped unpolled, and its guard declares the home dead.
            let guard = EndsWithItsDriver(Arc::clone(self));
            self.spawn(async move {
                Arc::clone(&guard.0).drive().await;
            });
        }
    }
}

fn tell(entry: Due, now: Now) {
    match entry {
        Due::Cache(cache) => {
            if let Some(cache) = cache.upgrade() {
                cache.due(now);
            }
        }
        Due::Alarm(alarm) => alarm.ring(),
    }
}

/// Declares a home dead when its loop is dropped: by the end of its runtime, or by a panic. Who lives there is moved by
/// the watchdog: this may run under the lock of a cache.
pub(super) struct EndsWithItsDriver(pub(super) Arc<Home>);

impl Drop for EndsWithItsDriver {
    fn drop(&mut self) {
        // Release, for `is_dead`; Acquire: it was closed by somebody before.
        if !self.0.dead.swap(true, Ordering::AcqRel) {
            watchdog::clear(&self.0);
        }
    }
}

/// How many caches are told between two yields.
const BATCH: usize = 64;
/// A change of the distance between the clocks that counts as a step.
const STEP: Duration = Duration::from_secs(1);
/// A home that is to end looks after this time whether anything still lives there, and then ever more rarely.
const FIRST_LOOK_BACK: Duration = Duration::from_millis(20);
/// Timers do not count suspends: the loop looks at the clocks at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long a thread stays that no call came to.
const NEW: Duration = Duration::from_millis(500);
