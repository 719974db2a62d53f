//! Where the queues of all observers are served: by one thread, until an observer blocks it.
//!
//! The thread that serves takes the queues in turn, for a moment each. A second one stands by once others have had to wait: it
//! runs no observer, so it can tell that the first does not come back, and takes its place. The first then belongs to
//! the observer that it is inside of, until that has caught up, and ends. With nothing to tell, all of them sleep.

mod queue;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keytide_fork::PerProcess;

pub(super) use self::queue::EventQueue;
use self::queue::Served;
use crate::sys;

/// A forked child has a desk of its own: the threads of its parent's are not there.
static DESK: PerProcess<Desk> = PerProcess::new();

/// `observers` more may have something to be told.
pub(super) fn open(observers: usize) {
    if observers > 0 {
        // Relaxed, as all accesses: who misses it sleeps for a while instead of until it is called.
        DESK.get().open.fetch_add(observers, Ordering::Relaxed);
    }
}

/// Has `queue` served, which nobody else has brought. Called under a cache's lock.
pub(super) fn bring(queue: Arc<EventQueue>) {
    let desk = DESK.get();
    let mut state = desk.lock();
    state.ready.push_back(queue);
    desk.alert(state);
}

/// Starts the thread that could not be had before, if there is one that is missed.
pub(super) fn try_again() {
    let desk = DESK.get();
    if desk.starved.load(Ordering::Relaxed) {
        desk.alert(desk.lock());
    }
}

#[derive(Default)]
struct Desk {
    /// Held for a look or a change; never while an observer runs, nor with a queue's lock.
    state: Mutex<State>,
    /// The one who serves sleeps here.
    work: Condvar,
    /// The one who stands by sleeps here.
    need: Condvar,
    /// How many queues have not ended.
    open: AtomicUsize,
    /// Whether a thread could not be had: then each event tries again.
    starved: AtomicBool,
}

#[derive(Default)]
struct State {
    /// What waits to be served, each once.
    ready: VecDeque<Arc<EventQueue>>,
    server: Option<Server>,
    standby: Standby,
    /// Until then one who blocks is left soon: whoever waits has waited for another already.
    hasty_until: Option<Instant>,
    /// How many threads have served.
    served: u64,
}

/// The thread that serves.
struct Server {
    number: u64,
    does: Does,
}

enum Does {
    Sleeps,
    /// It takes the next queue, or is about to.
    Looks,
    /// It serves a queue, since then.
    Serves(Instant),
}

/// The thread that stands by.
#[derive(Default, PartialEq, Eq)]
enum Standby {
    #[default]
    Absent,
    Sleeps,
    /// It looks whether it is needed, or is about to: at once, or when it has waited for long enough.
    Looks,
}

/// What the one who stands by does next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Serve,
    Look(Duration),
    Sleep,
    Leave,
}

impl State {
    fn next(&self, now: Instant, open: usize) -> Next {
        match &self.server {
            None if !self.ready.is_empty() => Next::Serve,
            None if open == 0 => Next::Leave,
            Some(Server {
                does: Does::Serves(since),
                ..
            }) if !self.ready.is_empty() => {
                let hasty = self.hasty_until.is_some_and(|until| now < until);
                let patience = if hasty { HASTY } else { PATIENCE };
                match (*since + patience).saturating_duration_since(now) {
                    Duration::ZERO => Next::Serve,
                    rest => Next::Look(rest),
                }
            }
            _ => Next::Sleep,
        }
    }

    /// The thread that stood by serves from now on. Its number.
    fn take_over(&mut self, now: Instant) -> u64 {
        self.standby = Standby::Absent;
        self.served += 1;
        if self.server.is_some() && self.hasty_until.is_none_or(|until| until <= now) {
            self.hasty_until = Some(now + HASTE);
        }
        self.server = Some(Server {
            number: self.served,
            does: Does::Looks,
        });
        self.served
    }

    fn now_does(&mut self, number: u64, does: Does) {
        self.server = Some(Server { number, does });
    }

    fn is_served_by(&self, number: u64) -> bool {
        self.server
            .as_ref()
            .is_some_and(|server| server.number == number)
    }
}

impl Desk {
    /// Sees to it that what is ready is served, or watched over. Wakes nobody who is awake.
    fn alert(&'static self, mut state: MutexGuard<'_, State>) {
        if state.ready.is_empty() {
            return;
        }
        if let Some(server) = &mut state.server
            && !matches!(server.does, Does::Serves(_))
        {
            let slept = matches!(server.does, Does::Sleeps);
            server.does = Does::Looks;
            drop(state);
            if slept {
                self.work.notify_one();
            }
            return;
        }
        let standby = std::mem::replace(&mut state.standby, Standby::Looks);
        drop(state);
        match standby {
            Standby::Absent => self.hire(),
            Standby::Sleeps => self.need.notify_one(),
            Standby::Looks => {}
        }
    }

    fn hire(&'static self) {
        let hired = std::thread::Builder::new()
            .name("keytide-observer".to_owned())
            .spawn(|| self.stand_by());
        if hired.is_err() {
            self.lock().standby = Standby::Absent;
        }
        self.starved.store(hired.is_err(), Ordering::Relaxed);
    }

    fn stand_by(&'static self) {
        let mut state = self.lock();
        loop {
            let now = sys::monotonic();
            match state.next(now, self.open.load(Ordering::Relaxed)) {
                Next::Serve => {
                    let number = state.take_over(now);
                    return self.serve(state, number);
                }
                Next::Look(rest) => state = wait_for(&self.need, state, rest),
                Next::Sleep => {
                    state.standby = Standby::Sleeps;
                    state = wait(&self.need, state);
                    state.standby = Standby::Looks;
                }
                Next::Leave => {
                    state.standby = Standby::Absent;
                    return;
                }
            }
        }
    }

    /// Serves all queues until another thread has taken over, or there are no observers any more.
    fn serve(&'static self, mut state: MutexGuard<'static, State>, number: u64) {
        loop {
            let Some(queue) = state.ready.pop_front() else {
                state.now_does(number, Does::Sleeps);
                match self.rest(state) {
                    Some(woken) => state = woken,
                    None => return,
                }
                continue;
            };
            state.now_does(number, Does::Serves(sys::monotonic()));
            self.alert(state);
            let served = queue.serve(SLICE);
            if served == Served::Foreign {
                // In a forked child nobody may touch what is its parent's.
                return std::mem::forget(queue);
            }
            state = self.lock();
            if !state.is_served_by(number) {
                drop(state);
                return self.stay_with(queue, served);
            }
            if served == Served::Ended {
                self.open.fetch_sub(1, Ordering::Relaxed);
            }
            if served == Served::More {
                state.ready.push_back(queue);
            }
        }
    }

    /// Sleeps until something may be ready. `None` when there are no observers any more.
    fn rest<'a>(&'static self, state: MutexGuard<'a, State>) -> Option<MutexGuard<'a, State>> {
        if self.open.load(Ordering::Relaxed) > 0 {
            return Some(wait(&self.work, state));
        }
        let mut state = wait_for(&self.work, state, LINGER);
        if self.open.load(Ordering::Relaxed) == 0 && state.ready.is_empty() {
            state.server = None;
            drop(state);
            self.need.notify_one();
            return None;
        }
        Some(state)
    }

    /// The thread of an observer that blocked: until it has caught up.
    fn stay_with(&self, queue: Arc<EventQueue>, mut served: Served) {
        if served == Served::More {
            served = queue.serve(Duration::MAX);
        }
        match served {
            Served::Foreign => std::mem::forget(queue),
            Served::Ended => self.ended(),
            Served::CaughtUp | Served::More => {}
        }
    }

    fn ended(&self) {
        if self.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            // They sleep until they are called, for there were observers.
            let state = self.lock();
            drop(state);
            self.work.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<'a>(called: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    called.wait(state).unwrap_or_else(PoisonError::into_inner)
}

fn wait_for<'a>(
    called: &Condvar,
    state: MutexGuard<'a, State>,
    limit: Duration,
) -> MutexGuard<'a, State> {
    called
        .wait_timeout(state, limit)
        .unwrap_or_else(PoisonError::into_inner)
        .0
}

/// For how long one queue is served before the next.
const SLICE: Duration = Duration::from_millis(10);
/// For how long the others wait for one observer.
const PATIENCE: Duration = Duration::from_millis(250);
/// The same, when they have waited for another just before: many may block at once.
const HASTY: Duration = Duration::from_millis(20);
/// How long after that.
const HASTE: Duration = Duration::from_secs(1);
/// How long the threads stay when there are no observers any more.
const LINGER: Duration = Duration::from_secs(1);
