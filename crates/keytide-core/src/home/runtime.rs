//! A runtime that polls calls: [`Home`].

use std::fmt;
use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::calls::Calls;
use super::queue::TimerQueue;
use crate::sync::AbortHandle;
use crate::sys;
use crate::sys::clock::AgentClock;

/// A runtime that polls calls, with the timers of the caches that live there.
pub(crate) struct Home {
    pub(super) handle: Handle,
    pub(super) clock: AgentClock,
    pub(super) kind: Kind,
    pub(super) queue: TimerQueue,
    pub(super) calls: Calls,
    pub(super) wake: Notify,
    pub(super) dead: AtomicBool,
    /// Takes no more, for it was blocked: it ends when the last of what lives there has.
    pub(super) aside: AtomicBool,
    pub(super) blocked_since: OnceLock<Instant>,
    pub(super) driving: AtomicBool,
    pub(super) born: Instant,
    /// Counts questions whether somebody polls this home, and their answers.
    pub(super) asked: AtomicU64,
    pub(super) answered: AtomicU64,
}

/// What a home is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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
    pub(super) fn new(handle: Handle, clock: AgentClock, kind: Kind) -> Self {
        Self {
            handle,
            clock,
            kind,
            queue: TimerQueue::default(),
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
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        #[cfg(not(keytide_shuttle))]
        let task = self.handle.spawn(task);
        // Not detached: a schedule is over when the task is, and one that cannot end is a deadlock.
        #[cfg(keytide_shuttle)]
        let task = std::mem::ManuallyDrop::new(shuttle::future::spawn(task));
        task.abort_handle()
    }

    pub(super) fn is_dead(&self) -> bool {
        // Acquire: who finds it dead sees what its driver did last.
        self.dead.load(Ordering::Acquire)
    }

    /// The agent of a home is gone: its driver ends.
    pub(super) fn close(&self) {
        // Release, for `is_dead`.
        self.dead.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub(super) fn is_aside(&self) -> bool {
        // Acquire: who finds it aside finds since when.
        self.aside.load(Ordering::Acquire)
    }

    /// Whether new calls and timers may come here.
    pub(super) fn takes_more(&self) -> bool {
        !self.is_dead() && !self.is_aside()
    }

    pub(super) fn set_aside(&self) {
        let _ = self.blocked_since.set(sys::monotonic());
        // Release: since when comes first.
        self.aside.store(true, Ordering::Release);
    }

    /// The thread of a home apart was let go: its cache may use it again.
    pub(super) fn is_back(&self) {
        self.aside.store(false, Ordering::Relaxed);
    }

    /// Whether it was found blocked, and has not answered since.
    pub(super) fn is_stuck(&self) -> bool {
        self.is_aside() && !self.answers()
    }

    /// Whether it is one cache's own.
    pub(super) fn is_apart(&self) -> bool {
        matches!(self.kind, Kind::Apart(_))
    }

    /// Whether its loop ends when nothing lives there any more.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.kind, Kind::Spare(_) | Kind::Apart(_)) || self.is_aside()
    }

    /// Whether a home that does not answer is ours to judge: else its time is not ours.
    pub(super) fn is_judged(&self) -> bool {
        self.kind != Kind::Named || self.clock.is_system()
    }

    /// Whether somebody polls this home, as far as the last question told.
    pub(super) fn answers(&self) -> bool {
        // Acquire: with an answer comes its question. Else the answer to a new question would look like silence.
        let answered = self.answered.load(Ordering::Acquire);
        answered == self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn ask(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
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

/// Code of a call that has held its thread for as long is what blocks it.
pub(super) const HELD: Duration = Duration::from_millis(500);
