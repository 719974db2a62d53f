//! Where calls live: a runtime that polls them, and the one queue of timers.
//!
//! Sockets and timers die with the runtime that made them, so calls live on a thread that the library owns, unless
//! the user names another home. A home that does not answer for a second is *set aside*, whoever blocks it: new calls and
//! timers go elsewhere, and what has begun there goes on when its thread is back. Who was caught blocking has a thread of
//! its own from then on.
//!
//! Homes know caches by what they must be told, and import nothing of them. Lock order: a cache's state, then a home's
//! locks. No code of a user runs under either.

pub(crate) mod alarm;
mod apart;
mod blocked;
mod busy;
mod calls;
pub(crate) mod deadline;
mod driver;
pub(crate) mod gate;
mod homes;
mod own;
mod queue;
mod resident;
mod sentry;
mod tally;

use std::fmt;
use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;

pub(crate) use self::apart::forget;
use self::calls::Calls;
pub(crate) use self::homes::Homes;
use self::queue::Queue;
pub(crate) use self::resident::{Call, Landing, Load, Resident};
use crate::sync::AbortHandle;
use crate::sys;
use crate::sys::clock::AgentClock;

/// A runtime that polls calls, with the timers of the caches that live there.
pub(crate) struct Home {
    handle: Handle,
    clock: AgentClock,
    kind: Kind,
    queue: Queue,
    calls: Calls,
    wake: Notify,
    dead: AtomicBool,
    /// Takes no more, for it was blocked: it ends when the last of what lives there has.
    aside: AtomicBool,
    blocked_since: OnceLock<Instant>,
    driving: AtomicBool,
    born: Instant,
    /// Counts questions whether somebody polls this home, and their answers.
    asked: AtomicU64,
    answered: AtomicU64,
}

/// What a home is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A runtime of the user's.
    Named,
    /// The library's thread, or what stands in for it under a clock that is not the system's.
    Common,
    /// A thread for calls that another one held up, and how often they have been. Ends with them.
    Spare(u32),
    /// A thread for the one cache of this number, whose provider was caught blocking. Ends with its call.
    Apart(u32),
}

impl Home {
    fn new(handle: Handle, clock: AgentClock, kind: Kind) -> Self {
        Self {
            handle,
            clock,
            kind,
            queue: Queue::default(),
            calls: Calls::default(),
            wake: Notify::new(),
            dead: AtomicBool::new(false),
            aside: AtomicBool::new(false),
            blocked_since: OnceLock::new(),
            driving: AtomicBool::new(kind != Kind::Named),
            born: sys::monotonic(),
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        }
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs a task of the library here; under a model checker, on its executor.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        #[cfg(not(keytide_shuttle))]
        let task = self.handle.spawn(task);
        // Not detached: a schedule is over when the task is, and one that cannot end is a deadlock.
        #[cfg(keytide_shuttle)]
        let task = std::mem::ManuallyDrop::new(shuttle::future::spawn(task));
        task.abort_handle()
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    /// The agent of a home is gone: its driver ends.
    fn close(&self) {
        self.dead.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn is_aside(&self) -> bool {
        self.aside.load(Ordering::Acquire)
    }

    /// Whether new calls and timers may come here.
    fn takes_more(&self) -> bool {
        !self.is_dead() && !self.is_aside()
    }

    fn set_aside(&self) {
        let _ = self.blocked_since.set(sys::monotonic());
        self.aside.store(true, Ordering::Release);
    }

    /// The thread of a home apart was let go: its cache may use it again.
    fn is_back(&self) {
        self.aside.store(false, Ordering::Release);
    }

    /// Whether it was found blocked, and has not answered since.
    fn is_stuck(&self) -> bool {
        self.is_aside() && !self.answers()
    }

    /// Whether it is one cache's own.
    fn is_apart(&self) -> bool {
        matches!(self.kind, Kind::Apart(_))
    }

    /// Whether its loop ends when nothing lives there any more.
    fn is_passing(&self) -> bool {
        matches!(self.kind, Kind::Spare(_) | Kind::Apart(_)) || self.is_aside()
    }

    /// Whether the last of what lived here is gone, tasks that users spawned included; if so, nothing comes any more.
    fn is_left(&self) -> bool {
        let has_tasks = self.kind != Kind::Named && self.handle.metrics().num_alive_tasks() > 0;
        // The calls that it was started for are still to come.
        let is_new = self.born.elapsed() < NEW;
        let left = !has_tasks && !is_new && self.calls.close_if_empty();
        if left {
            self.dead.store(true, Ordering::Release);
            if let Kind::Apart(cache) = self.kind
                && self.blocked_since.get().is_none()
            {
                apart::behaved(cache);
            }
        }
        left
    }

    /// Whether a home that does not answer is ours to judge: else its time is not ours.
    fn is_judged(&self) -> bool {
        self.kind != Kind::Named || self.clock.is_system()
    }

    /// Whether somebody polls this home, as far as the last question told.
    fn answers(&self) -> bool {
        self.answered.load(Ordering::Acquire) == self.asked.load(Ordering::Acquire)
    }

    fn ask(&self) {
        self.asked.fetch_add(1, Ordering::AcqRel);
        self.wake.notify_one();
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home")
            .field("kind", &self.kind)
            .field("aside", &self.is_aside())
            .field("dead", &self.is_dead())
            .finish_non_exhaustive()
    }
}

/// A number for a timer in a home's queue: unique in the process for four thousand million caches.
pub(crate) fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// How long a thread stays that no call came to.
const NEW: Duration = Duration::from_millis(500);
/// Code of a call that has held its thread for as long is what blocks it.
const HELD: Duration = Duration::from_millis(500);
